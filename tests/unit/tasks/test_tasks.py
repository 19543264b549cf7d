"""Test the verbs: which request each sends, how it may be repeated, and that its async form sends the same."""

import inspect

import pytest

from xpander_facade import _client
from xpander_facade.agents._agent import Agent
from xpander_facade.agents._agents import Agents, AgentsListItem
from xpander_facade.backend import Backend
from xpander_facade.configuration import Configuration
from xpander_facade.errors import ConfigurationError
from xpander_facade.tasks._list_item import TaskHistory, TasksListItem
from xpander_facade.tasks._task import Task
from xpander_facade.tasks._tasks import Tasks
from xpander_facade.types.enums import AgentExecutionStatus, OutputFormat, ThinkMode
from xpander_facade.types.models import Attachment, MCPServerDetails, Principal, User
from xpander_facade.usage._tokens import Tokens

CONFIGURATION = Configuration(api_key="k", organization_id="o", base_url="https://x.example", agent_id="agent-conf")
TASK = {
    "id": "t-1",
    "agent_id": "a-1",
    "organization_id": "o-1",
    "input": {"text": "hi"},
    "created_at": "2026-11-21T10:00:00Z",
}
ITEM = {"id": "t-1", "agent_id": "a-1", "organization_id": "o-1", "status": "completed"}


class Network:
    """A fake network: notes what is sent and reads a canned answer."""

    def __init__(self, monkeypatch):
        self.sent = []
        self.answers = {}
        monkeypatch.setattr(_client, "send", self.send)
        monkeypatch.setattr(_client, "asend", self.asend)

    def send(self, configuration, request, reader, snapshot=None):
        self.sent.append((configuration, request))
        url = request.path
        if url.startswith("/agents/list"):
            return reader([{"id": "a-1"}])
        if url.startswith("/agents/"):
            return reader({"id": "a-1"})
        if url.startswith("/activity/"):
            return reader({"id": "t-1", "messages": []})
        if "/history/" in url:
            return reader([ITEM])
        if url.startswith("/agents-metrics/"):
            return reader({"anything": 1})
        return reader({**TASK, **self.answers})

    async def asend(self, configuration, request, reader, snapshot=None):
        return self.send(configuration, request, reader)


@pytest.fixture
def network(monkeypatch):
    return Network(monkeypatch)


def result_of(value):
    if not inspect.iscoroutine(value):
        return value
    try:
        value.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waited for something real")


def a_task():
    return Task._reader(CONFIGURATION)({**TASK, "tokens": {"prompt_tokens": 1}})


def an_agent():
    return Agent._reader(CONFIGURATION)({"id": "a-1"})


VERBS = {
    # name: (object, arguments, route, whether it is idempotent, type of the result)
    "create": (lambda: Tasks(CONFIGURATION), ("a/1",), "POST /agent-execution/a%2F1", False, Task),
    "get": (lambda: Tasks(CONFIGURATION), ("t-1",), "GET /agent-execution/t-1/status", True, Task),
    "update": (
        lambda: Tasks(CONFIGURATION),
        {"task_id": "t-1", "status": "completed"},
        "PATCH /agent-execution/t-1/update",
        True,
        Task,
    ),
    "stop": (lambda: Tasks(CONFIGURATION), ("t-1",), "DELETE /agent-execution/t-1", True, Task),
    "list": (lambda: Tasks(CONFIGURATION), ("a-1",), "GET /agent-execution/executions/history/a-1", True, TaskHistory),
    "list_user_tasks": (
        lambda: Tasks(CONFIGURATION),
        ("u-1",),
        "GET /agent-execution/executions/history/user/u-1",
        True,
        TaskHistory,
    ),
    "Task.load": (lambda: Task, ("t-1", CONFIGURATION), "GET /agent-execution/t-1/status", True, Task),
    "Task.save": (a_task, (), "PATCH /agent-execution/t-1/update", True, Task),
    "Task.set_status": (a_task, ("executing",), "PATCH /agent-execution/t-1/update", True, Task),
    "Task.stop": (a_task, (), "DELETE /agent-execution/t-1", True, Task),
    "Task.reload": (a_task, (), "GET /agent-execution/t-1/status", True, Task),
    "Task.report_metrics": (a_task, (), "POST /agents-metrics/a-1/execution", False, type(None)),
    "Task.get_activity_log": (a_task, (), "GET /activity/a-1/t-1", True, None),
    "Task.get_plan_following_status": (a_task, (), "GET /agent-execution/t-1/status", True, None),
    "Task.report_external_task": (
        lambda: Task,
        (CONFIGURATION, "a-1", "x"),
        "POST /agent-execution/a-1/report_task",
        True,
        Task,
    ),
    "Backend.report_external_task": (
        lambda: Backend(CONFIGURATION),
        {"agent_id": "a-1", "id": "x"},
        "POST /agent-execution/a-1/report_task",
        True,
        Task,
    ),
    "Backend.invoke_agent": (
        lambda: Backend(CONFIGURATION),
        {"agent_id": "a-1", "prompt": "hi"},
        "POST /agent-execution/a-1",
        False,
        Task,
    ),
    "Agents.list": (lambda: Agents(CONFIGURATION), (), "GET /agents/list", True, list),
    "Agents.get": (lambda: Agents(CONFIGURATION), ("a-1",), "GET /agents/a-1", True, Agent),
    "Agent.load": (lambda: Agent, ("a-1", CONFIGURATION), "GET /agents/a-1", True, Agent),
    "Agent.create_task": (an_agent, {"prompt": "hi"}, "POST /agent-execution/a-1", False, Task),
    "AgentsListItem.load": (
        lambda: AgentsListItem._reader(CONFIGURATION)([{"id": "a-1"}])[0],
        (),
        "GET /agents/a-1",
        True,
        Agent,
    ),
    "TasksListItem.load": (
        lambda: TasksListItem._reader(CONFIGURATION)([ITEM])[0],
        (),
        "GET /agent-execution/t-1/status",
        True,
        Task,
    ),
}


@pytest.mark.parametrize("is_async", ["", "a"], ids=["sync", "async"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_sends_its_request_is_repeated_where_that_is_safe_and_gives_its_type(network, verb, is_async):
    make, arguments, route, idempotent, cls = VERBS[verb]
    method = getattr(make(), is_async + verb.rpartition(".")[2])
    positional, named = ((), arguments) if isinstance(arguments, dict) else (arguments, {})
    value = result_of(method(*positional, **named))
    ((configuration, request),) = network.sent
    assert f"{request.method} {request.path}" == route
    assert request.idempotent is idempotent
    assert configuration == CONFIGURATION
    assert cls is None or type(value) is cls


@pytest.mark.parametrize("verb", ["save", "stop", "reload", "asave", "astop", "areload", "set_status", "aset_status"])
def test_a_tasks_verbs_return_the_task_itself_with_the_platforms_state(network, verb):
    network.answers = {"result": "theirs", "status": "stopped"}
    task = a_task()
    arguments = ("executing",) if "status" in verb else ()
    assert result_of(getattr(task, verb)(*arguments)) is task
    assert (task.result, task.status, task.configuration) == ("theirs", "stopped", CONFIGURATION)


@pytest.mark.parametrize("is_async", ["set_status", "aset_status"])
@pytest.mark.parametrize(("result", "sent"), [(None, "kept"), ("new", "new"), ("", "")])
def test_set_status_without_a_result_keeps_the_result(network, is_async, result, sent):
    task = a_task()
    task.result = "kept"
    result_of(getattr(task, is_async)(AgentExecutionStatus.Completed, result))
    body = network.sent[0][1].body
    assert (body["status"], body["result"]) == ("completed", sent)


@pytest.mark.parametrize("is_async", ["save", "asave"])
def test_nothing_is_sent_where_nothing_changed(network, is_async):
    task = a_task()
    assert result_of(getattr(task, is_async)(only_changed=True)) is task
    assert network.sent == []


@pytest.mark.parametrize("is_async", ["get_plan_following_status", "aget_plan_following_status"])
def test_the_local_result_status_and_tokens_survive_the_look_at_the_plan(network, is_async):
    network.answers = {
        "result": "theirs",
        "status": "executing",
        "deep_planning": {"enabled": True, "started": True, "enforce": True, "tasks": [{"id": "1", "title": "t"}]},
    }
    task = a_task()
    task.result, task.status, task.tokens = "mine", "completed", Tokens(7)
    status = result_of(getattr(task, is_async)())
    assert (status.can_finish, [item.id for item in status.uncompleted_tasks]) == (False, ["1"])
    assert (task.result, task.status, task.tokens) == ("mine", "completed", Tokens(7))


FULL_CREATE = {
    "prompt": "p",
    "existing_task_id": "t-0",
    "file_urls": ["u"],
    "attachments": [Attachment("u", mime="m")],
    "user_details": User("e", id="u"),
    "principal": Principal("user", id="p"),
    "agent_version": 7,
    "tool_call_payload_extension": {"a": None},
    "source": "s",
    "worker_id": "w",
    "output_format": OutputFormat.Json,
    "output_schema": {"type": "object"},
    "run_locally": True,
    "events_streaming": True,
    "additional_context": "c",
    "instructions_override": "i",
    "test_run_node_id": "n",
    "user_oidc_token": "o",
    "expected_output": "x",
    "mcp_servers": [MCPServerDetails(id="m", headers={"h": "v"})],
    "triggering_agent_id": "tr",
    "title": "ti",
    "think_mode": "harder",
    "disable_attachment_injection": True,
    "tool_call_limit": 3,
    "user_tokens": {"t": 1},
    "return_metrics": True,
    "llm_model_provider": "lp",
    "llm_model_name": "ln",
    "llm_reasoning_effort": "le",
    "harness_cli": "h",
    "permission_mode": "pm",
}
OTHER_TYPES = {bool, dict, list, User, Principal}
CREATORS = [
    ("Tasks.create", lambda: Tasks(CONFIGURATION).create),
    ("Tasks.acreate", lambda: Tasks(CONFIGURATION).acreate),
    ("Agent.create_task", lambda: an_agent().create_task),
    ("Agent.acreate_task", lambda: an_agent().acreate_task),
    ("Backend.invoke_agent", lambda: Backend(CONFIGURATION).invoke_agent),
    ("Backend.ainvoke_agent", lambda: Backend(CONFIGURATION).ainvoke_agent),
]
creators = pytest.mark.parametrize("creator", [make for _, make in CREATORS], ids=[name for name, _ in CREATORS])
SOURCES = [None, None, "sdk", "sdk", "sdk", "sdk"]


@creators
def test_every_argument_of_a_creation_goes_out_under_the_wires_name(network, creator):
    assert {*FULL_CREATE} == {*inspect.signature(creator()).parameters} - {"agent_id", "configuration"}
    result_of(creator()(**FULL_CREATE))
    request = network.sent[0][1]
    body = dict(request.body)
    renamed = {"existing_task_id": "id", "tool_call_payload_extension": "payload_extension"}
    apart = {"prompt", "file_urls", "attachments", "user_details", "principal", "agent_version", "mcp_servers"}
    for name, value in FULL_CREATE.items():
        if name not in apart:
            assert body.pop(renamed.get(name, name)) == value
    sent_input = body.pop("input")
    assert (sent_input["text"], sent_input["files"]) == ("p", ["u"])
    assert sent_input["user"]["email"] == "e"
    assert sent_input["attachments"][0]["mime"] == "m"
    assert sent_input["principal"]["kind"] == "user"
    assert body.pop("mcp_servers")[0]["headers"] == {"h": "v"}
    assert body == {}
    assert {name.lower(): value for name, value in request.headers.items()}["x-agent-version"] == "7"


@creators
def test_names_of_the_harness_are_sent_without_white_space_and_in_small_letters(network, creator):
    result_of(creator()(prompt="p", harness_cli=" Claude-Code\n", permission_mode="PLAN"))
    body = network.sent[0][1].body
    assert (body["harness_cli"], body["permission_mode"]) == ("claude-code", "plan")


@pytest.mark.parametrize(
    ("creator", "source"), [(make, source) for (_, make), source in zip(CREATORS, SOURCES, strict=True)]
)
def test_an_empty_creation_sends_the_defaults(network, creator, source):
    result_of(creator()())
    request = network.sent[0][1]
    body = {name: value for name, value in request.body.items() if value not in (None, False, [])}
    assert body.pop("source", None) == source
    assert body == {"input": {"text": "", "files": []}, "think_mode": ThinkMode.Default}
    assert "x-agent-version" not in {name.lower() for name in request.headers}


@creators
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        *(({name: 5}, TypeError) for name in [*FULL_CREATE] if name not in {"agent_version", "tool_call_limit"}),
        *(({name: ["a"]}, TypeError) for name in [*FULL_CREATE] if name != "file_urls"),
        *(({name: "yes"}, TypeError) for name, value in FULL_CREATE.items() if type(value) in OTHER_TYPES),
        *(({name: ""}, TypeError) for name in ("file_urls", "attachments", "mcp_servers", "user_tokens")),
        *(({name: None}, TypeError) for name, value in FULL_CREATE.items() if value is True),
        ({"existing_task_id": ""}, ValueError),
        ({"existing_task_id": ".."}, ValueError),
        ({"existing_task_id": "\ud800"}, ValueError),
        ({"agent_version": ""}, ValueError),
        ({"agent_version": 1.5}, TypeError),
        ({"tool_call_limit": -1}, ValueError),
        ({"tool_call_limit": True}, TypeError),
        ({"tool_call_limit": "3"}, TypeError),
        ({"file_urls": ["u", None]}, TypeError),
        ({"principal": Principal("user", "a:b")}, ValueError),
    ],
    ids=repr,
)
def test_a_wrong_argument_of_a_creation_is_refused_before_sending(network, creator, arguments, error):
    with pytest.raises(error):
        result_of(creator()(**arguments))
    assert network.sent == []


@pytest.mark.parametrize("creator", [make for name, make in CREATORS if not name.startswith("Agent.")])
@pytest.mark.parametrize(("agent_id", "error"), [(5, TypeError), ("", ValueError), ("..", ValueError)])
def test_an_agent_of_a_creation_that_can_be_none_is_refused_before_sending(network, creator, agent_id, error):
    with pytest.raises(error, match="agent_id"):
        result_of(creator()(agent_id))
    assert network.sent == []


def test_the_agent_of_a_creation_is_the_argument_else_the_configurations_else_the_environments(network, monkeypatch):
    monkeypatch.setenv("XPANDER_AGENT_ID", "agent-env")
    bare = Configuration(api_key="k", base_url="https://x.example")
    Tasks(CONFIGURATION).create("a")
    Tasks(CONFIGURATION).create()
    Tasks(bare).create()
    Tasks(bare).list()
    Backend(bare).invoke_agent()
    Agents(bare).get()
    assert [request.path.rpartition("/")[2] for _, request in network.sent] == [
        "a",
        "agent-conf",
        *["agent-env"] * 4,
    ]
    monkeypatch.setenv("XPANDER_AGENT_ID", "")
    with pytest.raises(ConfigurationError, match="XPANDER_AGENT_ID"):
        Tasks(bare).create()


@pytest.mark.parametrize("is_async", ["invoke_agent", "ainvoke_agent"])
@pytest.mark.parametrize(
    ("prompt", "loads"),
    [
        ('{"xpander_task_id": "t-9"}', True),
        ('  {"xpander_task_id": "t-9", "more": 1}\n', True),
        ('{"xpander_task_id": ""}', False),
        ('{"xpander_task_id": null}', False),
        ('{"xpander_task_id": 5}', False),
        ('{"other": 1}', False),
        ('{"xpander_task_id": "t-9"', False),
        ('["xpander_task_id"]', False),
        ('"xpander_task_id"', False),
        ("hello", False),
        ("", False),
        ("{" * 100_000, False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_prompt_that_names_a_task_loads_it(network, is_async, prompt, loads):
    result_of(getattr(Backend(CONFIGURATION), is_async)("a-1", prompt=prompt))
    ((_, request),) = network.sent
    assert request.path == ("/agent-execution/t-9/status" if loads else "/agent-execution/a-1")


FILTERS = {
    "user_id": "u",
    "parent_task_id": "p",
    "triggering_agent_id": "t",
    "status": AgentExecutionStatus.Completed,
    "internal_status": "i",
}


@pytest.mark.parametrize("prefix", ["", "a"])
def test_filters_go_into_the_query_and_enums_as_their_values(network, prefix):
    result_of(getattr(Tasks(CONFIGURATION), f"{prefix}list")("a", FILTERS))
    without_user = {name: value for name, value in FILTERS.items() if name != "user_id"}
    result_of(getattr(Tasks(CONFIGURATION), f"{prefix}list_user_tasks")("u", without_user))
    expected = {**FILTERS, "status": "completed"}
    first, second = (request.params for _, request in network.sent)
    assert {name: value for name, value in first.items() if value is not None} == expected
    del expected["user_id"]
    assert {name: value for name, value in second.items() if value is not None} == expected


@pytest.mark.parametrize("is_async", ["", "a"])
@pytest.mark.parametrize(
    ("verb", "filters"), [("list", {"state": "x"}), ("list_user_tasks", {"user_id": "u"}), ("list", {"Status": "x"})]
)
def test_an_unknown_filter_is_refused_with_the_known_ones(network, is_async, verb, filters):
    with pytest.raises(ValueError, match="parent_task_id, triggering_agent_id, status, internal_status"):
        result_of(getattr(Tasks(CONFIGURATION), is_async + verb)("x", filters))
    assert network.sent == []


@pytest.mark.parametrize("is_async", ["update", "aupdate"])
def test_an_update_sends_only_what_is_given(network, is_async):
    tasks = Tasks(CONFIGURATION)
    result_of(getattr(tasks, is_async)("t-1", result="r", tool_call_payload_extension={"a": None}))
    assert network.sent[0][1].body == {"result": "r", "tool_call_payload_extension": {"a": None}}
    with pytest.raises(ValueError, match="status, result"):
        result_of(getattr(tasks, is_async)("t-1"))


def test_a_list_item_loads_with_the_configuration_of_its_list(network):
    (item,) = Tasks(CONFIGURATION).list("a-1")
    assert item.load().configuration is CONFIGURATION
    (agent,) = Agents(CONFIGURATION).list()
    assert agent.load().configuration is CONFIGURATION


@pytest.mark.parametrize("cls", [Backend, Tasks, Agents])
def test_a_module_with_other_limits_keeps_the_rest(cls):
    changed = cls(CONFIGURATION).with_options(timeout=3, max_retries=0)
    assert type(changed) is cls
    assert (changed.configuration.timeout, changed.configuration.max_retries) == (3.0, 0)
    assert changed.configuration.deadline == CONFIGURATION.deadline
    assert changed.configuration.api_key == "k"
    assert CONFIGURATION.timeout == 30


@pytest.mark.parametrize("cls", [Backend, Tasks, Agents])
def test_a_module_reads_the_environment_when_it_is_made_and_shows_no_key(cls, monkeypatch):
    monkeypatch.setenv("XPANDER_API_KEY", "xp-s3cr3t-key")
    made = cls()
    assert made.configuration.api_key == "xp-s3cr3t-key"
    assert "s3cr3t" not in repr(made)


@pytest.mark.parametrize(
    "changes", [{"tool_call_payload_extension": "text"}, {"status": 5}, {"last_executed_node_id": 5}, {"source": []}]
)
def test_an_update_of_another_type_is_refused_before_anything_is_sent(network, changes):
    with pytest.raises(TypeError, match=next(iter(changes))):
        Tasks(CONFIGURATION).update("t-1", **changes)
    assert network.sent == []


@pytest.mark.parametrize("name", ["input", "deep_planning", "tokens", "mcp_servers", "payload_extension"])
def test_a_save_of_an_attribute_of_another_type_is_refused_by_its_name(network, name):
    task = a_task()

    def set_and_save():
        setattr(task, name, 5)  # an input is refused here already
        task.save(True)

    with pytest.raises(TypeError, match=name):
        set_and_save()
    assert network.sent == []


def test_an_attribute_that_is_set_to_json_is_saved_as_it_is(network):
    task = a_task()
    task.deep_planning = {"enabled": True, "tasks": [{"id": "1", "title": "one"}]}
    task.mcp_servers = [{"name": "m", "url": "https://mcp.example"}]
    task.save(True)
    body = network.sent[0][1].body
    assert body["deep_planning"] == {"enabled": True, "tasks": [{"id": "1", "title": "one"}]}
    assert body["mcp_servers"] == [{"name": "m", "url": "https://mcp.example"}]
