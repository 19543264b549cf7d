"""Pages for a browser: the history of tasks, a task with its live events, workers and requests.

They are rendered here and kept up to date by htmx: a stream tells a page that something has changed, and the page asks
for its parts again. Database queries run in threads, so that the API is served meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import jinja2
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from . import _page_text as text
from ._history import SORTS, STATUSES, History, Page, Query, described
from ._json import is_object
from ._page_access import SECURITY_HEADERS, Access
from ._problem import Problem
from ._store import DatabaseBusyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from starlette.requests import Request

    from ._app import App
    from ._dispatcher import Dispatcher
    from ._executions import Executions
    from ._journal import Journal
    from ._json import Json
    from ._store import Store

_HERE: Final = Path(__file__).resolve().parent
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".txt": "text/plain", ".svg": "image/svg+xml"}
_POLL_INTERVAL: Final = 0.25
_KEEP_ALIVE: Final = 15.0
_MAX_EVENTS: Final = 500
_MAX_REQUESTS: Final = 200
_MAX_FORM: Final = 1_000_000


class Pages:
    """The pages of one emulator, as an ASGI application in `asgi`."""

    def __init__(
        self,
        app: App,
        store: Store,
        executions: Executions,
        dispatcher: Dispatcher,
        journal: Journal,
        api_key: str | None,
        port: int,
    ) -> None:
        self._app = app
        self._store = store
        self._executions = executions
        self._dispatcher = dispatcher
        self._journal = journal
        self._history = History(store)
        self._access = Access(api_key, port)
        # Read once, so that no path of a request reaches the file system.
        self._static = _read_static(_HERE / "static")
        self._indexing: asyncio.Task[None] | None = None
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.ChainableUndefined,  # any member of a document may be missing
            trim_blocks=True,
            lstrip_blocks=True,
        )
        shown = (
            text.visible,
            text.excerpt,
            text.bounded,
            text.pretty,
            text.seconds,
            text.count,
            text.moment,
            text.link_of,
            text.clock,
        )
        self._templates.filters |= {function.__name__: function for function in shown}
        shared: dict[str, Any] = {"static": self._static_url, "query_string": text.query_string, "statuses": STATUSES}
        self._templates.globals.update(shared)
        self.asgi = Starlette(
            routes=[
                Route("/", self._guarded(self._home)),
                Route("/_ui/tasks", self._guarded(self._tasks)),
                Route("/_ui/totals", self._guarded(self._totals)),
                Route("/_ui/task", self._guarded(self._task)),
                Route("/_ui/task/main", self._guarded(self._task_main)),
                Route("/_ui/task/events", self._guarded(self._task_events)),
                Route("/_ui/task/stop", self._guarded(self._stop), methods=["POST"]),
                Route("/_ui/create", self._guarded(self._create), methods=["POST"]),
                Route("/_ui/workers", self._guarded(self._workers)),
                Route("/_ui/requests", self._guarded(self._requests)),
                Route("/_ui/live", self._guarded(self._live)),
                Route("/_ui/login", self._catching(self._login), methods=["GET", "POST"]),
                Route("/_ui/static/{name:path}", self._serve_static),
            ]
        )

    # --- the history ---

    async def _home(self, request: Request) -> Response:
        changes = self._store.changes  # before the tasks are read, so that none is missed
        query, page, agents = await asyncio.to_thread(self._read_history, request.query_params)
        return self._render(request, "home.html", **_history_values(query, page), agents=agents, changes=changes)

    async def _tasks(self, request: Request) -> Response:
        query, page, _ = await asyncio.to_thread(self._read_history, request.query_params)
        values = _history_values(query, page)
        response = self._render(request, "_history.html", **values)
        if request.headers.get("hx-request") and "hx-refresh" not in request.query_params:
            shown = text.query_string(**dict(_without(request.query_params)))
            response.headers["HX-Push-Url"] = f"/?{shown}" if shown else "/"
        return response

    def _read_history(self, given: Mapping[str, str]) -> tuple[Query, Page, list[str]]:
        query = _query_of(given)
        return query, self._history.page(query), self._history.agents()

    async def _totals(self, request: Request) -> Response:
        agent = request.query_params.get("agent", "")
        totals = await asyncio.to_thread(self._history.totals, agent)
        chart = {"unit": totals.unit, "buckets": totals.buckets, "series": totals.series}
        return self._render(request, "_totals.html", totals=totals, chart=json.dumps(chart), agent=agent)

    # --- a task ---

    async def _task(self, request: Request) -> Response:
        return self._render(request, "task.html", **await asyncio.to_thread(self._read_task, request.query_params))

    async def _task_main(self, request: Request) -> Response:
        return self._render(request, "_task.html", **await asyncio.to_thread(self._read_task, request.query_params))

    def _read_task(self, given: Mapping[str, str]) -> Json:
        task = self._find(given)
        key = (task["organization_id"], task["id"])
        first, newest, _ = self._store.event_bounds(*key)
        start = max(first - 1, newest - _MAX_EVENTS)
        rows = self._store.events_after(*key, start, _MAX_EVENTS)
        return {
            "task": described(task),
            "task_json": task,
            "llm_response": self._store.llm_response(*key),
            "entries": self._store.entries(*key),
            "events": [_event(number, data) for number, _, data in rows],
            "left_out": start - (first - 1),
            "after": rows[-1][0] if rows else start,
            "seen": _digest(task),
        }

    def _find(self, given: Mapping[str, str]) -> Json:
        task = self._store.task(given.get("organization", ""), given.get("id", ""))
        if task is None:
            raise Problem(404, "there is no such task")
        return task

    async def _task_events(self, request: Request) -> Response:
        task = await asyncio.to_thread(self._find, request.query_params)
        last = request.headers.get("last-event-id") or request.query_params.get("after", "")
        after = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else 0
        seen = request.query_params.get("seen", "")
        return self._stream(self._follow((task["organization_id"], task["id"]), after, seen))

    async def _follow(self, key: tuple[str, str], after: int, digest: str) -> AsyncIterator[str]:
        """Yield a task's events past a number, and that it is another than the page that has this digest shows."""
        template = self._templates.get_template("_event.html")
        seen = -1
        while True:
            for number, _, data in self._store.events_after(*key, after, 100):
                after = number
                yield _frame(template.render(event=_event(number, data)), number=number)
            # To compare a number is cheap, and the task is read only where something was written.
            if seen != self._store.changes:
                seen = self._store.changes
                now = _digest(self._store.task(*key))
                if digest != now:
                    yield _frame("", event="task-changed")
                digest = now
            yield ""

    async def _stop(self, request: Request) -> Response:
        form = await self._form(request)
        key = (form.get("organization", ""), form.get("id", ""))
        await self._app.when_free(lambda: self._executions.stop(*key))
        return _redirect(request, f"/_ui/task?{text.query_string(organization=key[0], id=key[1])}")

    async def _create(self, request: Request) -> Response:
        form = await self._form(request)
        agent, prompt = form.get("agent", "").strip(), form.get("text", "")
        if not agent or not prompt.strip():
            raise Problem(422, "a task needs an agent and a text")
        body = {"input": {"text": prompt}, "events_streaming": True, "source": "ui"}
        task = await self._app.when_free(lambda: self._executions.create(None, agent, body, None))
        query = text.query_string(organization=task["organization_id"], id=task["id"])
        return _redirect(request, f"/_ui/task?{query}")

    # --- workers, requests and what is new ---

    async def _workers(self, request: Request) -> Response:
        return self._render(request, "workers.html", workers=list(reversed(self._dispatcher.workers(all=True))))

    async def _requests(self, request: Request) -> Response:
        records = await asyncio.to_thread(self._journal.records, None, _MAX_REQUESTS)
        return self._render(request, "requests.html", requests=list(reversed(records)))

    async def _live(self, request: Request) -> Response:
        return self._stream(self._news(request.query_params.get("seen", "")))

    async def _news(self, seen: str) -> AsyncIterator[str]:
        # What changed while a page was on its way to the browser is news too.
        changes = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 16 else -1
        workers: list[Json] | None = None
        while True:
            if changes != self._store.changes:
                changes = self._store.changes
                yield _frame("", event="tasks-changed")
            now = self._dispatcher.workers(all=True)
            if workers != now:
                workers = now
                yield _frame("", event="workers-changed")
            yield ""

    def _stream(self, frames: AsyncIterator[str]) -> Response:
        async def body() -> AsyncIterator[str]:
            yield ": connected\n\n"
            idle = 0.0
            closing = self._app.closing or asyncio.Event()
            async for frame in frames:
                if frame:
                    idle = 0.0
                    yield frame
                    continue
                try:
                    await asyncio.wait_for(closing.wait(), _POLL_INTERVAL)
                    return
                except TimeoutError:
                    idle += _POLL_INTERVAL
                if idle >= _KEEP_ALIVE:
                    idle = 0.0
                    yield ": keep-alive\n\n"

        headers = SECURITY_HEADERS | {"cache-control": "no-store"}
        return StreamingResponse(body(), media_type="text/event-stream", headers=headers)

    # --- who may ---

    def _guarded(self, page: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if not self._access.is_allowed(request):
                if request.method != "GET" or request.headers.get("hx-request"):
                    return self._fail(request, 401, "your session has ended: reload the page, and give the key again")
                wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                return RedirectResponse(f"/_ui/login?{text.query_string(next=wanted)}", 303)
            self._index_texts()
            return await self._catching(page)(request)

        return guarded

    def _catching(self, page: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def catching(request: Request) -> Response:
            try:
                return await page(request)
            except Problem as problem:
                return self._fail(request, problem.status, str(problem.detail))
            except DatabaseBusyError:
                return self._fail(request, 503, "another process has locked the database: try again in a moment")
            except Exception as error:
                # An error of the emulator itself is recorded as those of the API are.
                self._app.violations.append(f"{request.url.path}: {error!r}")
                return self._fail(request, 500, f"the emulator failed: {error!r}")

        return catching

    async def _login(self, request: Request) -> Response:
        following = request.query_params.get("next", "/")
        # Only a path of this server: "//host" and "/\\host" are other ones to a browser.
        following = following if following.startswith("/") and following[1:2] not in ("/", "\\") else "/"
        if request.method == "GET":
            return self._render(request, "login.html", following=following, error="", session=None)
        origin = request.headers.get("origin")
        is_ours = origin is None or origin.partition("//")[2] == request.headers.get("host")
        form = await _read_form(request)
        if not is_ours or not self._access.has_key(form.get("key", "")):
            error = "This is not the key of this emulator."
            page = self._render(request, "login.html", following=following, error=error, session=None)
            page.status_code = 403
            return page
        response = RedirectResponse(following, 303)
        self._access.give(response, self._access.session(request)[0])
        return response

    async def _form(self, request: Request) -> dict[str, str]:
        form = await _read_form(request)
        refusal = self._access.refusal(request, form.get("token", ""))
        if refusal is not None:
            raise Problem(403, refusal)
        return form

    def _index_texts(self) -> None:
        """Index texts from the first page on, so that the first search does not wait for all of them."""
        if self._indexing is None or self._indexing.done():
            self._indexing = asyncio.create_task(self._keep_indexing())

    async def _keep_indexing(self) -> None:
        while self._app.closing is not None and not self._app.closing.is_set():
            more = False
            # Another process's lock ends some time, and then the texts are still waiting.
            with contextlib.suppress(DatabaseBusyError):
                more = await asyncio.to_thread(self._history.index)
            await asyncio.sleep(0.01 if more else 1.0)

    # --- answers ---

    def _render(self, request: Request, name: str, **values: Any) -> Response:
        session, is_new = ("", False) if values.pop("session", "") is None else self._access.session(request)
        values |= {"changes": values.get("changes", self._store.changes)}
        values |= {"token": self._access.token(session) if session else "", "path": request.url.path}
        page = HTMLResponse(self._templates.get_template(name).render(values))
        page.headers.update(SECURITY_HEADERS | {"cache-control": "no-store"})
        if is_new:
            self._access.give(page, session)
        return page

    def _fail(self, request: Request, status: int, message: str) -> Response:
        is_part = bool(request.headers.get("hx-request"))
        page = self._render(
            request, "_error.html" if is_part else "error.html", status=status, message=message, session=None
        )
        page.status_code = status
        return page

    def _static_url(self, name: str) -> str:
        return f"/_ui/static/{name}?v={self._static[name][1]}"

    async def _serve_static(self, request: Request) -> Response:
        found = self._static.get(request.path_params["name"])
        if found is None:
            return self._fail(request, 404, "there is no such file")
        data, digest, media = found
        is_exact = request.query_params.get("v") == digest
        # A URL with the right hash never means another file, so that a browser need not ask again.
        lifetime = "public, max-age=31536000, immutable" if is_exact else "no-cache"
        return Response(data, media_type=media, headers=SECURITY_HEADERS | {"cache-control": lifetime})


def _read_static(folder: Path) -> dict[str, tuple[bytes, str, str]]:
    """Return the files that browsers may load by name: bytes, the beginning of their hash, media type."""
    found: dict[str, tuple[bytes, str, str]] = {}
    for path in sorted(folder.rglob("*")):
        media = _TYPES.get(path.suffix)
        if media is not None and path.is_file():
            data = path.read_bytes()
            found[path.relative_to(folder).as_posix()] = (data, hashlib.sha256(data).hexdigest()[:12], media)
    return found


def _query_of(given: Mapping[str, str]) -> Query:
    sort = given.get("sort", "")
    return Query(
        agent=given.get("agent", ""),
        status=given.get("status", "") if given.get("status") in STATUSES else "",
        user=given.get("user", "").strip(),
        text=given.get("text", "").lstrip(),
        sort=sort if sort in SORTS else "created",
        descending=given.get("order", "desc") != "asc",
        after=_edge_of(given.get("after", "")),
        before=_edge_of(given.get("before", "")),
    )


def _edge_of(given: str) -> tuple[Any, int] | None:
    """Read where a page ended; None for anything that no link of ours says."""
    try:
        value, n = json.loads(given)
    except (ValueError, TypeError, RecursionError):
        return None
    # SQLite takes whole numbers of 64 bits.
    is_good = isinstance(value, (str, int, float)) and isinstance(n, int) and abs(n) < 2**62
    return (value, n) if is_good and not (isinstance(value, int) and abs(value) >= 2**62) else None


def _history_values(query: Query, page: Page) -> Json:
    filters = {"agent": query.agent, "status": query.status, "user": query.user, "text": query.text}
    order = {"sort": query.sort, "order": "desc" if query.descending else "asc"}
    usual = query.sort == "created" and query.descending
    shown = filters if usual else {**filters, **order}
    here = {"after": _written(query.after), "before": _written(query.before)}
    sorts = {
        name: text.query_string(
            **filters, sort=name, order="asc" if name == query.sort and query.descending else "desc"
        )
        for name in SORTS
    }
    return {
        "query": query,
        "page": page,
        "sorts": sorts,
        "refresh": text.query_string(**shown, **here),
        "older": None if page.older is None else text.query_string(**shown, after=_written(page.older)),
        "newer": None if page.newer is None else text.query_string(**shown, before=_written(page.newer)),
        "newest": text.query_string(**shown),
        "is_filtered": any(filters.values()),
    }


def _written(edge: tuple[Any, int] | None) -> str:
    return "" if edge is None else json.dumps(edge)


def _without(given: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in given.items() if name != "hx-refresh"]


def _event(number: int, data: str) -> Json:
    try:
        event: Any = json.loads(data)
    except (ValueError, RecursionError):
        event = data
    kind, time, said = text.event_summary(event)
    return {"number": number, "kind": kind, "time": time, "said": said, "is_object": is_object(event)}


def _digest(task: Json | None) -> str:
    return hashlib.sha256(json.dumps(task).encode()).hexdigest()[:16]


def _frame(data: str, *, number: int | None = None, event: str | None = None) -> str:
    lines = [] if number is None else [f"id: {number}"]
    if event is not None:
        lines.append(f"event: {event}")
    lines += [f"data: {line}" for line in data.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return "\n".join(lines) + "\n\n"


def _redirect(request: Request, url: str) -> Response:
    # A redirect would be followed by htmx itself, and its page put into the part that was asked for.
    if request.headers.get("hx-request"):
        return Response(status_code=200, headers={"HX-Redirect": url})
    return RedirectResponse(url, 303)


async def _read_form(request: Request) -> dict[str, str]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_FORM:
            raise Problem(413, f"a form is at most {_MAX_FORM:,} bytes")
    try:
        return dict(
            # Our forms have few fields, and taking apart very many takes long.
            parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True, errors="replace", max_num_fields=50)
        )
    except ValueError as error:
        raise Problem(400, "this form can't be read") from error
