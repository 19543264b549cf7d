"""ASGI application: the steps from a raw path to an answer.

The steps are route, journal, faults, key, contract, operation and answer, and the two event streams. Every request is
validated against the contract, and with `validate_answers` every answer too.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import secrets
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ._answer import PIECE, Answer, connection_of, fault_answer, json_answer, page_link, problem_answer
from ._contract import complaint
from ._faults import Cut, Delay, Drop, Fail, Faults
from ._journal import Journal, RecordedRequest, without_secrets
from ._json import is_object, write
from ._problem import Problem
from ._requests import body_of, call_of, query_of
from ._store import DatabaseBusyError, is_busy
from ._streams import KEEP_ALIVE, Frame, Listener, Streams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from ._contract import Contract, Match, Operation
    from ._dispatcher import Dispatcher
    from ._hosts import Hosts
    from ._operations import Call, Operations
    from ._store import Store
    from ._workers import Worker

T = TypeVar("T")

_STREAMS: Final = frozenset({"stream_task_events", "stream_worker_events"})
_TASKS: Final = frozenset({"create_task", "get_task", "update_task", "stop_task", "report_external_task"})
_LISTS: Final = frozenset({"list_tasks", "list_user_tasks"})
_BUSY_TIMEOUT: Final = 2.0
_BUSY_INTERVAL: Final = 0.02
PAGES: Final = "/_ui/"
"""Where everything begins that is for a browser, but the page at `/`."""


class ClientGoneError(Exception):
    """The client closed its connection before its request was read."""


class App:
    """The ASGI application of one emulator."""

    def __init__(
        self,
        contract: Contract,
        store: Store,
        streams: Streams,
        operations: Operations,
        faults: Faults,
        journal: Journal,
        hosts: Hosts,
        pages: Callable[[], ASGIApp],
    ) -> None:
        self.api_key: str | None = None
        self.max_body = 10_000_000
        self.event_ids = True
        self.validate_answers = False
        self.violations: list[str] = []
        self.closing: asyncio.Event | None = None
        self.on_request: Callable[[RecordedRequest], None] | None = None
        self._contract = contract
        self._store = store
        self._streams = streams
        self._operations = operations
        self._faults = faults
        self._journal = journal
        self._hosts = hosts
        self._make_pages = pages
        self._pages: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        raw_path = scope["raw_path"].decode("ascii", "replace")
        headers, host = _headers_of(scope)
        refusal = self._hosts.refusal(host, headers.get("origin"))
        if refusal is None and (raw_path == "/" or raw_path.startswith(PAGES)):
            await self._page(raw_path, scope, receive, send)
            return
        query, query_is_text = query_of(scope["query_string"])
        record = RecordedRequest(scope["method"], raw_path, query, without_secrets(headers), began=time.time())
        record.request_id = headers.get("x-request-id") or secrets.token_hex(16)
        began = time.perf_counter()
        self._journal.add(record)
        try:
            if refusal is not None:
                await self._send(problem_answer(Problem(403, refusal)), record, send)
            else:
                await self._route(raw_path, query_is_text, record, headers, scope, receive, send)
        except ClientGoneError:
            return
        finally:
            record.seconds = time.perf_counter() - began
            if self.on_request is not None:
                self.on_request(record)

    async def _page(self, raw_path: str, scope: Scope, receive: Receive, send: Send) -> None:
        if raw_path == f"{PAGES}health":
            await json_answer(200, '{"status":"ok"}').send(send, secrets.token_hex(16))
            return
        if self._pages is None:
            # Templates take a moment to load, in which other requests go on.
            made = await asyncio.to_thread(self._make_pages)
            # Another request may have made them meanwhile; its pages hold a session's secret already.
            self._pages = self._pages or made
        await self._pages(scope, receive, send)

    async def _route(
        self,
        raw_path: str,
        query_is_text: bool,
        record: RecordedRequest,
        headers: Mapping[str, str],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        match = self._contract.route(record.method, raw_path)
        if match is None:
            await self._send(problem_answer(Problem(404, "Not Found")), record, send)
            return
        if match.operation is None:
            problem = Problem(405, "Method Not Allowed", {"allow": ", ".join(match.allowed)})
            await self._send(problem_answer(problem), record, send)
            return
        record.operation_id = match.operation.id
        record.organization_id = match.organization_id
        record.values = dict(match.values)
        try:
            if match.undecodable or not query_is_text:
                reason = "the path and the query must be UTF-8"
                record.complaints.append(complaint(reason, "unicode", "path" if match.undecodable else "query"))
                raise Problem(400, reason)
            raw = await self._read(receive, match.operation, headers)
            # Before anything is looked up, so that a test can change what there is meanwhile.
            for hold in self._faults.held(record.operation_id):
                await hold.pass_through()
            await self._delay(record.operation_id)
            await self._serve(match, match.operation, raw, record, headers, scope, receive, send)
        except Problem as problem:
            answer = self._checked(match.operation, {"detail": problem.detail}, problem_answer(problem))
            await self._send(answer, record, send)
        except ClientGoneError:
            raise
        except Exception as error:
            # An error of the emulator itself is recorded, and answered in the form that all errors have.
            self.violations.append(f"{record.operation_id}: {error!r}")
            # An answer that has begun can't become another one.
            if record.status is None:
                detail = write({"detail": f"the emulator failed: {error!r}"})
                await self._send(json_answer(500, detail), record, send)

    async def _serve(
        self,
        match: Match,
        operation: Operation,
        raw: bytes,
        record: RecordedRequest,
        headers: Mapping[str, str],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        body: Any = None
        body_complaints: list[dict[str, Any]] = []
        if operation.body is not None:
            body, body_complaints = body_of(raw, headers)
        secret = operation.id == "get_api_key_allowance" and isinstance(body, dict) and "api_key" in body
        # This body holds a key, which the journal must not show.
        self._journal.set_body(record, write({**body, "api_key": "***"}).encode() if secret else raw)
        # The journal says what is wrong with a request whatever the answer is.
        call, complaints = call_of(self._contract, match, operation, record.query, headers, body, bool(raw))
        if operation.id == "push_task_events" and not (body_complaints or complaints):
            complaints = self._invalid_events(call.body)
        record.complaints += body_complaints or complaints
        fail = self._faults.take(Fail, operation.id)
        # A stream has no answer that could be replaced afterwards.
        if fail is not None and not (fail.after and operation.id not in _STREAMS):
            await self._send(fault_answer(fail), record, send)
            return
        self._check_key(headers)
        if record.complaints:
            raise Problem(422, record.complaints)
        if operation.id in _STREAMS:
            await self._stream(operation, call, record, scope, receive, send)
            return
        answer = await self._answer(operation, call)
        if fail is not None:
            answer = fault_answer(fail)
        cut = self._faults.take(Cut, operation.id)
        if cut is None:
            await self._send(answer, record, send)
            return
        record.status = None if cut.after_bytes is None else answer.status
        await answer.send_cut(cut, scope, receive, send, record.request_id)

    async def _answer(self, operation: Operation, call: Call) -> Answer:
        try:
            if operation.id in _LISTS and self._store.has_many_tasks() and not self.validate_answers:
                return await self._list(operation, call)
            # SQLite would wait on this thread, and with it all other requests.
            value = await self.when_free(lambda: self._operations.run(operation.id, call))
            answer = (
                json_answer(operation.success, self._store.text_of(value))
                if operation.answers.get(str(operation.success))
                else Answer(operation.success)
            )
            if operation.id in _TASKS and is_object(value):
                answer.headers["link"] = page_link(value)
        except Problem as problem:
            value, answer = {"detail": problem.detail}, problem_answer(problem)
        except (RecursionError, OverflowError, sqlite3.DataError, sqlite3.InterfaceError) as error:
            # The contract allows it, but the database can't store it.
            detail = [{"loc": ["body"], "msg": str(error)[:200], "type": "unprocessable"}]
            value, answer = {"detail": detail}, problem_answer(Problem(422, detail))
        except sqlite3.Error as error:
            failed = Problem(503, f"the emulator's database failed: {error}", {"retry-after": "1"})
            value, answer = {"detail": failed.detail}, problem_answer(failed)
        return self._checked(operation, value, answer)

    async def _list(self, operation: Operation, call: Call) -> Answer:
        """Answer with a list of tasks; other requests go between its parts."""
        parts: list[bytes] = []
        piece = bytearray(b"[")
        is_first = True
        for items in self._operations.history(operation.id, call):
            for item in items:
                piece += (write(item) if is_first else f",{write(item)}").encode()
                is_first = False
            if len(piece) >= PIECE:
                parts.append(bytes(piece))
                piece.clear()
            await asyncio.sleep(0)
        parts.append(bytes(piece) + b"]")
        return Answer(200, headers={"content-type": "application/json"}, parts=parts)

    async def when_free(self, action: Callable[[], T]) -> T:
        """Do something with the database, again while another process has locked it.

        Raises:
            Problem: 503, when it stays locked.
        """
        end: float | None = None
        while True:
            try:
                return action()
            except (DatabaseBusyError, sqlite3.OperationalError) as error:
                if isinstance(error, sqlite3.Error) and not is_busy(error):
                    raise
                end = end or time.monotonic() + _BUSY_TIMEOUT
                if time.monotonic() >= end or (self.closing is not None and self.closing.is_set()):
                    detail = "another process has locked the emulator's database"
                    raise Problem(503, detail, {"retry-after": "1"}) from None
            await asyncio.sleep(_BUSY_INTERVAL)

    def _checked(self, operation: Operation, value: Any, answer: Answer) -> Answer:
        broken = self._broken(operation, answer.status, value) if self.validate_answers else None
        if broken is None:
            return answer
        self.violations.append(broken)
        return json_answer(500, write({"detail": f"the emulator broke the contract: {broken}"}))

    def _broken(self, operation: Operation, status: int, value: Any) -> str | None:
        declared = operation.answer(status)
        if declared is None:
            return f"{operation.id}: status {status} is not declared"
        wrong = self._contract.complaints(declared.get("application/json"), value)
        return f"{operation.id}: {status}: {wrong}" if wrong else None

    # --- the event streams ---

    async def _stream(
        self, operation: Operation, call: Call, record: RecordedRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if operation.id == "stream_task_events":
            task = self._operations.executions.find(call.organization_id, call.ids[0])
            key = (task["organization_id"], task["id"])
            if not task.get("events_streaming"):
                raise Problem(409, f"Task {task['id']!r} was created without events_streaming")
            with self._streams.listening(key) as listener:
                frames = self._task_frames(listener, key, call.headers.get("last-event-id"))
                await self._stream_response(operation, frames, listener, record, scope, receive, send)
        else:
            dispatcher = self._operations.dispatcher
            if dispatcher.refusal is not None:
                await self._stream_response(
                    operation, _conflict(dispatcher.refusal), Listener(), record, scope, receive, send
                )
                return
            environment = call.query.get("environment", "local")
            is_supporting = call.query.get("supports_llm_gateway") == "true"
            worker = await self.when_free(
                lambda: dispatcher.register(
                    call.organization_id, call.ids[0], environment, supports_llm_gateway=is_supporting
                )
            )
            try:
                with self._streams.listening(worker.stream) as listener:
                    frames = self._worker_frames(listener, dispatcher, worker)
                    await self._stream_response(operation, frames, listener, record, scope, receive, send)
            finally:
                self._disconnect(dispatcher, worker)

    async def _task_frames(
        self, listener: Listener, key: tuple[str, str], last_event_id: str | None
    ) -> AsyncIterator[list[Frame]]:
        first, newest, end = self._store.event_bounds(*key)
        after = first - 1
        if self.event_ids and last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
            # A client of an earlier database can name an event that there is not yet; it gets the run from its
            # beginning.
            after = int(last_event_id) if int(last_event_id[:18]) <= newest else after
        if end is not None and after >= end:
            return
        frames = self._streams.frames(
            listener, lambda n, most: self._store.events_after(*key, n, most), after, ids=self.event_ids
        )
        async for batch in frames:
            yield batch

    async def _worker_frames(
        self, listener: Listener, dispatcher: Dispatcher, worker: Worker
    ) -> AsyncIterator[list[Frame]]:
        yield [Frame(write(worker.registration()), None, "worker-registration")]
        while not listener.closed:
            # Before looking: what comes meanwhile wakes it once more.
            listener.wake.clear()
            while not listener.closed and (queued := dispatcher.next_queued(worker)) is not None:
                yield [Frame(queued, None, "agent-execution")]
            if not await self._streams.news(listener):
                yield []

    async def _stream_response(
        self,
        operation: Operation,
        frames: AsyncIterator[list[Frame]],
        listener: Listener,
        record: RecordedRequest,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        drop = self._faults.take(Drop, operation.id)
        left = None if drop is None else drop.events
        record.status = 200
        head = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-cache"),
            (b"x-request-id", record.request_id.encode("latin-1")),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        watch = asyncio.create_task(_watch(receive, listener))
        try:
            if left != 0:
                async for batch in frames:
                    if left is not None:
                        batch = batch[:left]
                        left -= len(batch)
                    if self.validate_answers and not self._frames_are_valid(operation, batch):
                        break
                    data = b"".join(frame.encode() for frame in batch) or KEEP_ALIVE
                    await send({"type": "http.response.body", "body": data, "more_body": True})
                    if left == 0:
                        break
            if left == 0 or listener.cut:
                connection_of(scope).drop()
                await watch
            else:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watch.cancel()

    def _frames_are_valid(self, operation: Operation, batch: list[Frame]) -> bool:
        frame_schema, event_schema = self._contract.frame_schemas(operation)
        for frame in batch:
            whole: dict[str, Any] = {"data": frame.data}
            whole |= {} if frame.number is None else {"id": str(frame.number)}
            whole |= {} if frame.event is None else {"event": frame.event}
            wrong = self._contract.complaints(frame_schema, whole)
            try:
                wrong += self._contract.complaints(event_schema, json.loads(frame.data))
            except (ValueError, RecursionError):
                continue  # published as raw text by a test that wants it malformed
            if wrong:
                self.violations.append(f"{operation.id}: event: {wrong}")
                return False
        return True

    def _invalid_events(self, events: list[Any]) -> list[dict[str, Any]]:
        # Pushed events are sent on the stream, whose schema says more about `data` than the request's schema does.
        _, schema = self._contract.frame_schemas(self._contract.operations["stream_task_events"])
        told = [{name: value for name, value in event.items() if value is not None} for event in events]
        return [c for index, event in enumerate(told) for c in self._contract.complaints(schema, event, "body", index)]

    def _disconnect(self, dispatcher: Dispatcher, worker: Worker) -> None:
        try:
            dispatcher.disconnect(worker)
        except DatabaseBusyError:
            # The stream has ended and nobody waits for this: another process's lock may only delay it.
            asyncio.get_running_loop().call_later(_BUSY_INTERVAL, self._disconnect, dispatcher, worker)

    # --- small steps ---

    async def _read(self, receive: Receive, operation: Operation, headers: Mapping[str, str]) -> bytes:
        if operation.body is None:
            return b""
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self.max_body:
            raise self._too_large(operation)
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            piece = message.get("body", b"")
            body = bytearray(body) + piece if body else piece
            if len(body) > self.max_body:
                raise self._too_large(operation)
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self, operation: Operation) -> Problem:
        status = 413 if operation.answer(413) else 400
        return Problem(status, f"the body is larger than {self.max_body} bytes")

    async def _delay(self, operation_id: str) -> None:
        delay = self._faults.take(Delay, operation_id)
        if delay is not None and self.closing is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.closing.wait(), delay.seconds)

    def _check_key(self, headers: Mapping[str, str]) -> None:
        given = headers.get("x-api-key", "")
        if not given:
            raise Problem(401, "no API key: send it in the header x-api-key")
        if self.api_key is not None and not hmac.compare_digest(given.encode(), self.api_key.encode()):
            raise Problem(401, "this API key is not valid")

    async def _send(self, answer: Answer, record: RecordedRequest, send: Send) -> None:
        record.status = answer.status
        await answer.send(send, record.request_id)


async def _conflict(reason: str) -> AsyncIterator[list[Frame]]:
    yield [Frame(write({"error": reason}), None, "worker-environment-conflict")]


async def _watch(receive: Receive, listener: Listener) -> None:
    # A client that has gone away shows in nothing but what is read from it.
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.close()


def _headers_of(scope: Scope) -> tuple[dict[str, str], str | None]:
    """Return the headers by name, the last of each, and the host if exactly one is named."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    # Fewer names than headers: then some of them were given more than once.
    is_plain = len(headers) == len(scope["headers"])
    has_one_host = is_plain or [name for name, _ in scope["headers"]].count(b"host") == 1
    return headers, headers.get("host") if has_one_host else None
