"""`Emulator`: the server as one object, which a test starts, inspects and lets fail.

This module puts the parts together, starts and stops them, and injects faults. What a test can ask afterwards is in
`_inspection`.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, Self

from . import _contract
from ._agent import Run, default_agent
from ._agents import Agents
from ._app import App
from ._containers import Containers
from ._dispatcher import Dispatcher
from ._executions import Executions
from ._faults import Cut, Delay, Drop, Fail, Faults, Hold
from ._fixtures import read_fixtures
from ._hosts import Hosts, is_loopback
from ._inspection import Inspection, known_operation
from ._journal import Journal
from ._knowledge import KnowledgeBases
from ._llm_access import LLMAccess
from ._operations import Operations
from ._runs import Runs
from ._server import Server
from ._store import Store
from ._streams import Streams
from ._tools import OperationCall, Rule, Tools
from ._workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future
    from types import TracebackType

    from starlette.types import ASGIApp

    from ._journal import RecordedRequest
    from ._json import Json

_SCRIPT_GRACE = 1.0


class Emulator(Inspection):
    """A local platform that speaks `openapi.yaml`, for a `with` block or between `start` and `stop`.

        with Emulator() as emulator:
            ...  # XPANDER_BASE_URL=emulator.url, any key

    It is reachable when the block begins and gone when it ends. Every method may be called from any thread.

    Args:
        host: Address to listen on.
        port: 0 takes a free one; a restart of the same object keeps it.
        db: SQLite file, which survives a restart, or `:memory:`, which lasts as long as the object.
        api_key: The only key that passes; None lets any key pass, but not the lack of one.
        strict_agents: An agent that was not added is unknown (404); otherwise it is made on first use.
        agents: Ids of agents that are there from the start.
        fixtures: JSON or YAML file of agents, tools and knowledge bases that are there from the start; see `_fixtures`.
        organization_id: Organisation of requests whose path names none.
        agent: Script that executes created tasks; see `Run`. It may also be set later, for the tasks to come.
        step: Seconds between two events of a script.
        keep_alive: Seconds of silence after which an event stream gets a comment; None for never.
        event_ids: Number the events, and replay from `Last-Event-ID`; without, each connection replays the run.
        max_body: Bytes of a request's body, past which it is answered 413.
        validate_answers: An answer that breaks the contract becomes a 500 and an entry in `violations`.
        journal_size: How many requests are remembered at most, see `requests`.
        journal_bytes: How many bytes of memory they may take, about; 0 remembers none.
        allow_hosts: Names that requests may give in their header `Host`, beside `host`, localhost and addresses; one
            with a leading dot stands for all names below it.
        on_request: Called with each request when it was answered, on the server's thread, so it must not block.
        worker_timeout: Seconds without a message after which a worker loses its tasks.
        max_attempts: When so many workers were lost while they had a task, it is marked error and not given to another
            one: it may be what ends them. 0 for no limit.
        clock: Seconds, as `time.monotonic` counts them; the silence of workers is measured by it.

    Raises:
        ValueError: when it would listen beyond this machine without a key, or a name of `allow_hosts` is not one.
        OSError: when `db` can't be used, or another emulator uses it.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        db: str | os.PathLike[str] = ":memory:",
        api_key: str | None = None,
        strict_agents: bool = False,
        agents: Iterable[str] = (),
        fixtures: str | os.PathLike[str] | None = None,
        organization_id: str = "org-1",
        agent: Callable[[Run], Any] | None = None,
        step: float = 0.02,
        keep_alive: float | None = 15.0,
        event_ids: bool = True,
        max_body: int = 10_000_000,
        validate_answers: bool = False,
        journal_size: int = 100_000,
        journal_bytes: int = 32_000_000,
        allow_hosts: Iterable[str] = (),
        on_request: Callable[[RecordedRequest], None] | None = None,
        worker_timeout: float = 10.0,
        max_attempts: int = 3,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not api_key and not is_loopback(host):
            raise ValueError(
                f"listening on {host!r} lets other machines in, which needs a key: pass api_key=, "
                "or set XPANDER_EMULATOR_API_KEY for the command line"
            )
        if not isinstance(port, int) or not 0 <= port <= 65535:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"port must be a number from 0, which takes a free one, to 65535, not {port!r}")
        hosts = Hosts(host, allow_hosts)
        self.host = host
        self.organization_id = organization_id
        self._port = port
        self._db = os.fspath(db)
        self._api_key = api_key
        self._known_agents = tuple(agents)
        self._fixtures: Json = {} if fixtures is None else read_fixtures(fixtures)
        self._server: Server | None = None
        self._store = Store(self._db)
        self._faults = Faults()
        self._journal = Journal(journal_size, journal_bytes)
        self._streams = Streams(keep_alive)
        self._agents = Agents(self._store, organization_id, strict=strict_agents)
        self._executions = Executions(self._store, self._streams, self._agents, organization_id)
        self._runs = Runs(self._executions, self._store, agent or default_agent, step)
        workers = Workers(organization_id, clock)
        self._dispatcher = Dispatcher(
            self._executions,
            self._store,
            self._streams,
            self._agents,
            self._runs,
            workers,
            worker_timeout,
            max_attempts,
            clock,
        )
        self._executions.executor = self._dispatcher
        self._llm_access = self._dispatcher.llm_access = LLMAccess(self._executions)
        self._containers = self._dispatcher.containers = Containers(self._executions, self._llm_access)
        self._tools = Tools(self._agents)
        self._knowledge_bases = KnowledgeBases()
        operations = Operations(
            self._executions, self._agents, self._dispatcher, self._tools, self._knowledge_bases, self._llm_access
        )
        self._operations = operations
        self._is_fitted_out = False
        self._app = App(
            _contract.load(),
            self._store,
            self._streams,
            operations,
            self._faults,
            self._journal,
            hosts,
            self._make_pages,
        )
        self._app.on_request = on_request
        self._app.api_key = operations.api_key = api_key
        self._app.max_body = max_body
        self._app.event_ids = event_ids
        self._app.validate_answers = validate_answers

    # --- starting and stopping ---

    def start(self) -> Self:
        """Start serving; return when it is reachable.

            emulator.start()
            print(emulator.url)
            emulator.stop()

        Raises:
            OSError: when the address is taken.
        """
        if self._server is not None:
            raise RuntimeError("the emulator is already running")
        # An emulator may be started again after its end, with what its file holds.
        if self._store.closed:
            self._store.open()
        # Before anybody can ask: a task must not seem to run that nobody executes.
        self._executions.abandon_unfinished(self._dispatcher.unfinished())
        self._dispatcher.reset_deadlines()
        self._add_known()
        server = Server(self._app, self.host, self._port)
        self._app.closing = asyncio.Event()
        loop = server.start()
        self._store.loop_thread = server.thread_id
        self._streams.attach(loop)
        asyncio.run_coroutine_threadsafe(self._dispatcher.watch(), loop).add_done_callback(self._watch_ended)
        self._port = server.port
        self._server = server
        return self

    def stop(self) -> None:
        """End the event streams, then the server, then the runs; return when all threads are gone.

        For example:

            emulator.stop()
        """
        server, self._server = self._server, None
        if server is None:
            return
        if server.inherited:
            server.stop()
            return
        # Streams, waits and holds end first, since the server waits for its open requests.
        self._streams.end_all(closing=True)
        if server.loop is not None and self._app.closing is not None:
            server.loop.call_soon_threadsafe(self._app.closing.set)
        self._faults.release()
        server.stop()
        self._store.loop_thread = None
        self._streams.attach(None)
        self._runs.end_all(_SCRIPT_GRACE, keep_marks=True)
        if self._db != ":memory:":
            self._store.close()

    def _make_pages(self) -> ASGIApp:
        # Templates and all are loaded when a browser comes, not by a test that only calls the API.
        from ._pages import Pages

        store, key = self._store, self._api_key
        return Pages(self._app, store, self._executions, self._dispatcher, self._journal, key, self._port).asgi

    def _watch_ended(self, watch: Future[None]) -> None:
        # It ends by being cancelled with the loop; any other error is the emulator's own, and is recorded.
        error = None if watch.cancelled() else watch.exception()
        if error is not None:
            self._app.violations.append(f"watching the workers: {error!r}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port that it listens on; 0 before the first start when a free one was asked for."""
        return self._port

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end.

        Raises:
            RuntimeError: when it has not been started, and so has no port yet.
        """
        if self._port == 0:
            raise RuntimeError("the emulator is not running: use `with Emulator() as emulator`, or call start() first")
        # To listen on these means on all addresses; as where to connect to they do not work everywhere.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"

    def reset(self) -> None:
        """Forget everything: tasks, agents that were not given at the start, requests, faults; end runs and streams.

        For example:

            emulator.reset()
            assert emulator.tasks() == []
        """
        self._faults.clear()
        self._runs.end_all(_SCRIPT_GRACE)
        self._streams.end_all()
        self._dispatcher.clear()
        self._store.clear()
        self._journal.clear()
        self._app.violations.clear()
        self._containers.clear()
        self._llm_access.clear()
        self._tools.clear()
        self._knowledge_bases.clear()
        self._is_fitted_out = False
        self._add_known()

    def _add_known(self) -> None:
        """Add what is there from the start; tools and documents once, since they outlive a restart of this object."""
        for agent_id in self._known_agents:
            self.add_agent(agent_id)
        for agent_id, fields in self._fixtures.get("agents", {}).items():
            self.add_agent(agent_id, **fields)
        # Tools and documents are in this object, not in the database: a restart would add them a second time.
        if self._is_fitted_out:
            return
        self._is_fitted_out = True
        for tool_id, rule in self._fixtures.get("tools", {}).items():
            self.answer_tool(tool_id, rule)
        for knowledge_base_id, documents in self._fixtures.get("knowledge_bases", {}).items():
            self.add_knowledge_base(knowledge_base_id, documents)
        self.default_llm_headers = self._fixtures.get("default_llm_headers", {})

    # --- what can be changed while it runs ---

    @property
    def agent(self) -> Callable[[Run], Any]:
        """The script that executes the tasks to come."""
        return self._runs.script

    @agent.setter
    def agent(self, script: Callable[[Run], Any]) -> None:
        self._runs.script = script

    @property
    def step(self) -> float:
        """Seconds between two events of a script, for the tasks to come."""
        return self._runs.step

    @step.setter
    def step(self, seconds: float) -> None:
        self._runs.step = seconds

    @property
    def event_ids(self) -> bool:
        """Whether events are numbered, on the streams to come."""
        return self._app.event_ids

    @event_ids.setter
    def event_ids(self, value: bool) -> None:
        self._app.event_ids = value

    @property
    def keep_alive(self) -> float | None:
        """Seconds of silence after which an event stream gets a comment; None for never."""
        return self._streams.keep_alive

    @keep_alive.setter
    def keep_alive(self, seconds: float | None) -> None:
        self._streams.keep_alive = seconds

    @property
    def max_body(self) -> int:
        """Bytes of a request's body, past which it is answered 413."""
        return self._app.max_body

    @max_body.setter
    def max_body(self, size: int) -> None:
        self._app.max_body = size

    @property
    def worker_timeout(self) -> float:
        """Seconds without a message after which a worker loses its tasks."""
        return self._dispatcher.timeout

    @worker_timeout.setter
    def worker_timeout(self, seconds: float) -> None:
        self._dispatcher.timeout = seconds

    @property
    def max_attempts(self) -> int:
        """How many workers may be lost while they have a task, before it is marked error; 0 for no limit."""
        return self._dispatcher.max_attempts

    @max_attempts.setter
    def max_attempts(self, count: int) -> None:
        self._dispatcher.max_attempts = count

    def add_agent(self, agent_id: str, **fields: Any) -> Json:
        """Add an agent, or change fields of a known one; return it as `get_agent` would.

        For example:

            emulator.add_agent("agent-1", name="Clerk", tools=[{"id": "get_weather"}])
        """
        organization_id = fields.pop("organization_id", None)
        return self._agents.add(organization_id, agent_id, **fields)

    def connect_container(self, agent_id: str, url: str, *, api_key: str) -> None:
        """Call a worker over HTTP for the tasks of an agent, whose `deployment_type` becomes "container".

            emulator.connect_container("agent-1", "http://127.0.0.1:59321", api_key="k")

        Args:
            agent_id: The agent; one that has workers on a stream has its tasks sent to them.
            url: Where the worker answers `POST /invoke`, such as "http://127.0.0.1:59321".
            api_key: The key that the worker asks for.
        """
        self.add_agent(agent_id, deployment_type="container")
        self._containers.connect(agent_id, url, api_key)

    def set_llm_gateway(self, base_url: str, token: str) -> None:
        """Give a way to models with each delivery from now on: in the task on a stream, else on request.

            emulator.set_llm_gateway("http://127.0.0.1:9000/v1", token="t")

        Args:
            base_url: Where the APIs of providers are called instead, such as a server of the test's own.
            token: The key for it.
        """
        self._llm_access.set_gateway(base_url, token)

    def set_custom_llm_provider(self, provider: str, token: str) -> None:
        """Give access to a provider of the organisation to tasks whose payload extension has `llm_custom_provider`.

            emulator.set_custom_llm_provider("ours", token="t")

        Args:
            provider: Its name in the path of the platform's proxy.
            token: The key for the proxy.
        """
        self._llm_access.set_custom_provider(provider, token)

    def answer_tool(self, tool_id: str, rule: Rule, *, agent_id: str | None = None) -> None:
        """Say what a tool answers from now on. A tool without a rule answers with what it was given.

            emulator.answer_tool("get_weather", lambda call: {"degrees": 21})

        Args:
            tool_id: The tool; its agent has it among its `tools`.
            rule: The answer, any JSON; or a function of an `OperationCall`, which may raise `OperationError` and must
                not wait, since nothing else is served meanwhile; or an object with `rules`, as in a fixtures file.
            agent_id: Only for this agent.
        """
        self._tools.set_rule(tool_id, rule, agent_id)

    def tool_calls(self, tool_id: str | None = None) -> list[OperationCall]:
        """Return the calls of tools that were carried out, oldest first. A repeated call is carried out once.

        For example:

            for call in emulator.tool_calls("get_weather"):
                print(call.payload)
        """
        return self._tools.calls(tool_id)

    def add_knowledge_base(self, knowledge_base_id: str, documents: Iterable[str | Mapping[str, Any]] = ()) -> None:
        """Make a knowledge base, or add documents to it: texts, or objects with `content`, perhaps `name` and `id`.

        For example:

            emulator.add_knowledge_base("kb-1", ["Invoices are paid within thirty days."])
        """
        self._knowledge_bases.add(knowledge_base_id, documents)

    def remove_knowledge_base(self, knowledge_base_id: str) -> None:
        """Remove a knowledge base.

        For example:

            emulator.add_knowledge_base("kb-2")
            emulator.remove_knowledge_base("kb-2")
        """
        self._knowledge_bases.remove(knowledge_base_id)

    @property
    def default_llm_headers(self) -> Mapping[str, Any]:
        """The headers that the organisation wants with each call of a model."""
        return self._operations.default_llm_headers

    @default_llm_headers.setter
    def default_llm_headers(self, headers: Mapping[str, Any]) -> None:
        self._operations.default_llm_headers = dict(headers)

    # --- making things happen ---

    def publish(self, task_id: str, type: str, data: Any = None, **fields: Any) -> int:
        """Publish an event of a task and return its id; `fields` are further members, such as `identity` or `time`.

        For example:

            emulator.publish(task.id, "chunk", "Nearly done. ")
        """
        return self._executions.publish(self.task(task_id), type, data, **fields)

    def publish_raw(self, task_id: str, text: str) -> int:
        """Publish any text where an event's JSON belongs, and return its id.

        For example:

            emulator.publish_raw(task.id, "not JSON")
        """
        return self._executions.publish_text(self.task(task_id), text)

    def fail(
        self,
        status: int,
        times: int = 1,
        operation: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        after: bool = False,
    ) -> None:
        """Answer the next requests with a status.

            emulator.fail(503, times=2, operation="report_external_task")

        Args:
            status: 200 to 599, standard or not.
            times: How many requests.
            operation: Only this operation id.
            headers: Further headers, for example `Retry-After`.
            body: Text is sent as it is, as text/plain unless `headers` say otherwise; anything else as JSON.
            after: Execute the request first, and lose only its answer.
        """
        if not 200 <= status <= 599:
            raise ValueError(f"status must be 200 to 599, not {status}")
        self._faults.add(Fail(known_operation(operation), times, status, dict(headers or {}), body, after))

    def delay(self, seconds: float, times: int = 1, operation: str | None = None) -> None:
        """Let the next requests wait before they are executed.

        For example:

            emulator.delay(0.5, operation="report_external_task")
        """
        self._faults.add(Delay(known_operation(operation), times, seconds))

    def cut(self, times: int = 1, after_bytes: int | None = 10, operation: str | None = None) -> None:
        """Execute the next requests, but end the connection within the answer.

            emulator.cut(after_bytes=10, operation="get_task")

        Args:
            times: How many requests.
            after_bytes: Bytes of the body that are sent of those promised; None sends no answer at all.
            operation: Only this operation id.
        """
        self._faults.add(Cut(known_operation(operation), times, after_bytes))

    def drop_stream_after(self, events: int, times: int = 1, operation: str | None = None) -> None:
        """End the connection of the next event streams after so many events.

        For example:

            emulator.drop_stream_after(3)
        """
        self._faults.add(Drop(known_operation(operation), times, events))

    def drop_worker_streams(self) -> int:
        """End the connections of all worker streams, and return how many; the workers may come back.

        For example:

            print(emulator.drop_worker_streams(), "workers were cut off")
        """
        return self._dispatcher.drop_streams()

    def refuse_workers(self, reason: str | None) -> None:
        """Answer workers with an environment conflict from now on; None takes them on again.

        For example:

            emulator.refuse_workers("another worker of this agent is connected")
            emulator.refuse_workers(None)
        """
        self._dispatcher.refusal = reason

    def check_workers(self) -> None:
        """Reassign the tasks of lost workers now, without waiting for the periodic check.

        For example:

            emulator.check_workers()
        """
        self._dispatcher.poll()

    def hold(self, operation: str | None = None) -> Hold:
        """Let requests wait until `release()`, or as a block until its end; `arrived(n)` waits for them to come.

        For example:

            with emulator.hold("report_external_task") as hold:
                run_id = backend.enqueue_external_task(id="run-1")
                hold.arrived()
        """
        return self._faults.hold(known_operation(operation))
