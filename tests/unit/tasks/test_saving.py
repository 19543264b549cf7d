"""Test the requests of a task's verbs: method, path and body, what is refused before sending, and what a plan says."""

import pytest

from xpander_facade._requests import tasks
from xpander_facade.configuration import Configuration
from xpander_facade.tasks._task import Task
from xpander_facade.types.models import DeepPlanning, DeepPlanningItem
from xpander_facade.usage._tokens import Tokens

SMALLEST = {
    "id": "t/1",
    "agent_id": "a/1",
    "organization_id": "o-1",
    "input": {"text": "hi"},
    "created_at": "2026-11-21T10:00:00Z",
}
CONFIGURATION = Configuration(api_key="k", organization_id="o", base_url="https://x.example")


def loaded(**fields):
    return Task._reader(CONFIGURATION)({**SMALLEST, **fields})


def saved(task, *, plan=False, only_changed=False):
    return task._save_request(plan, only_changed)


def route(request):
    return f"{request.method} {request.path}"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (lambda: tasks.get_request("t/1 ?"), "GET /agent-execution/t%2F1%20%3F/status"),
        (lambda: tasks.stop_request("t/1"), "DELETE /agent-execution/t%2F1"),
        (lambda: saved(loaded()), "PATCH /agent-execution/t%2F1/update"),
        (
            lambda: tasks.metrics_request(loaded(tokens={"prompt_tokens": 1})),
            "POST /agents-metrics/a%2F1/execution",
        ),
    ],
)
def test_a_verb_has_its_route_and_ids_are_escaped(request_, expected):
    assert route(request_()) == expected


@pytest.mark.parametrize("make", [tasks.get_request, tasks.stop_request])
@pytest.mark.parametrize("task_id", ["", " ", ".", ".."])
def test_an_empty_id_is_refused(make, task_id):
    with pytest.raises(ValueError, match="task_id"):
        make(task_id)


def test_a_save_sends_the_whole_state_without_plan_and_configuration():
    task = loaded(result="r", deep_planning={"enabled": True}, new=1)
    task.status = "completed"
    body = saved(task).body
    assert (body["id"], body["result"], body["status"], body["new"]) == ("t/1", "r", "completed", 1)
    assert body["input"]["text"] == "hi"
    assert not {"deep_planning", "configuration", "extra"} & body.keys()


def test_a_save_sends_the_plan_when_asked():
    task = loaded(deep_planning={"enabled": True, "tasks": [{"id": "1", "title": "t", "completed": True}]})
    sent = saved(task, plan=True).body["deep_planning"]
    assert sent["enabled"] is True
    assert sent["tasks"] == [{"id": "1", "title": "t", "completed": True}]


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({}, None),
        ({"result": "new"}, {"result": "new"}),
        ({"title": None}, {"title": None}),
        ({"title": "before"}, None),
        ({"status": "completed"}, {"status": "completed"}),
        ({"used_tools": ["a", "b"]}, {"used_tools": ["a", "b"]}),
        ({"duration": 4}, {"duration": 4}),
    ],
)
def test_only_what_changed_is_sent_when_asked(change, body):
    task = loaded(title="before", used_tools=["a"], started_at="2026-11-21T10:00:00")
    for name, value in change.items():
        setattr(task, name, value)
    request = saved(task, only_changed=True)
    assert (request and request.body) == body


def test_a_changed_extra_and_a_changed_depth_are_changes():
    task = loaded(new={"a": 1}, payload_extension={"b": [1]})
    task.extra["new"]["a"] = 2
    task.payload_extension["b"].append(2)
    assert saved(task, only_changed=True).body == {"new": {"a": 2}, "payload_extension": {"b": [1, 2]}}


def test_a_changed_plan_is_sent_only_when_the_plan_is_asked_for():
    task = loaded()
    task.deep_planning.enabled = True
    assert saved(task, only_changed=True) is None
    assert saved(task, plan=True, only_changed=True).body["deep_planning"]["enabled"] is True


def test_a_task_made_by_hand_sends_all_even_when_only_changes_are_asked_for():
    assert saved(Task.from_dict(SMALLEST), only_changed=True).body["id"] == "t/1"


@pytest.mark.parametrize("only_changed", [True, False])
def test_a_trimmed_task_is_not_saved(only_changed):
    with pytest.raises(ValueError, match=r"trimmed.*reload\(\)"):
        saved(loaded(_result_truncated=True), only_changed=only_changed)


@pytest.mark.parametrize(("length", "passes"), [(255, True), (256, False)])
def test_an_internal_status_has_at_most_255_characters(length, passes):
    task = loaded()
    task.internal_status = "x" * length
    if passes:
        assert saved(task).body["internal_status"] == "x" * 255
    else:
        with pytest.raises(ValueError, match="255"):
            saved(task)


def test_metrics_have_the_platforms_body_with_the_real_duration():
    task = loaded(
        status="completed",
        internal_status="s",
        source="sdk",
        result="done",
        duration=4.5,
        used_tools=["search"],
        tokens={"prompt_tokens": 10, "completion_tokens": 5},
    )
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 0}
    assert tasks.metrics_request(task).body == {
        "execution_id": "t/1",
        "memory_thread_id": "t/1",
        "source": "sdk",
        "sub_executions": [],
        "task": "hi",
        "triggered_by": "N/A",
        "skills": [],
        "status": "completed",
        "internal_status": "s",
        "duration": 4.5,
        "ai_model": "xpander",
        "api_calls_made": ["search"],
        "result": "done",
        "llm_tokens": {
            "inner": {**zeros, "total_tokens": 0},
            "worker": {**zeros, "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        },
    }


def test_metrics_name_the_model_that_the_task_names():
    task = loaded(tokens={}, llm_model_name="opus")
    assert tasks.metrics_request(task).body["ai_model"] == "opus"


@pytest.mark.parametrize(
    ("return_metrics", "source", "calls"),
    [(True, "orchestration", []), (True, "sdk", ["a"]), (False, "orchestration", ["a"]), (False, None, ["a"])],
)
def test_tools_and_tokens_are_counted_elsewhere_for_an_orchestration_that_returns_metrics(
    return_metrics, source, calls
):
    task = loaded(tokens={"prompt_tokens": 2}, used_tools=["a"], return_metrics=return_metrics, source=source)
    body = tasks.metrics_request(task).body
    assert body["api_calls_made"] == calls
    assert body["llm_tokens"]["worker"]["prompt_tokens"] == (2 if calls else 0)


def test_metrics_without_tokens_are_refused():
    with pytest.raises(ValueError, match=r"task\.tokens"):
        tasks.metrics_request(loaded())
    task = loaded()
    task.tokens = Tokens(1)
    assert tasks.metrics_request(task)


DONE, OPEN = DeepPlanningItem("1", "done", True), DeepPlanningItem("2", "open", False)


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize("enforce", [True, False])
@pytest.mark.parametrize("items", [[], [DONE], [DONE, OPEN], [OPEN]])
def test_open_items_block_only_a_plan_that_is_enabled_started_and_enforced(enabled, started, enforce, items):
    task = loaded()
    task.deep_planning = DeepPlanning(enabled=enabled, started=started, enforce=enforce, tasks=items)
    status = task._plan_following_status()
    assert status.uncompleted_tasks == [item for item in items if item is OPEN]
    assert status.can_finish is not (enabled and started and enforce and OPEN in items)
