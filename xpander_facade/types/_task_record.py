"""The attributes of a task: their names, types and defaults, and which of them are secrets."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from xpander_facade import _serialization, types, usage
from xpander_facade._process import late_attrs
from xpander_facade._serialization.essential import ESSENTIAL
from xpander_facade.types._bound import ConfigurationBound
from xpander_facade.types.enums import AgentExecutionStatus, OutputFormat, ThinkMode

# What tasks are made of is named by its package, which loads it when a task is made or read.

_SECRETS = frozenset({
    ("TaskRecord", "user_oidc_token"),
    ("TaskRecord", "user_tokens"),
    ("MCPServerDetails", "api_key"),
    ("MCPServerDetails", "client_secret"),
    ("MCPServerDetails", "headers"),
    ("MCPServerDetails", "env_vars"),
})  # fmt: skip


def is_secret(cls: type, name: str) -> bool:
    """Whether an attribute is a secret, which no dump may hold."""
    return any((base.__name__, name) in _SECRETS for base in cls.__mro__)


def _output_format(value: str | None) -> OutputFormat | None:
    return None if value is None else OutputFormat(value)


def _read_input(value: types.AgentExecutionInput | dict[str, Any]) -> types.AgentExecutionInput:
    if isinstance(value, types.AgentExecutionInput):
        return value
    if not isinstance(value, dict):
        raise TypeError(f"input must be an AgentExecutionInput or an object, not {type(value).__name__}")
    try:
        return _serialization.structure_strictly(types.AgentExecutionInput, value)
    except _serialization.DecodeError as error:
        raise ValueError(f"input does not fit: {error}") from None


@late_attrs.define(kw_only=True, getstate_setstate=False, repr=False)
class TaskRecord(ConfigurationBound):
    """All attributes of a task. See Task."""

    id: str
    agent_id: str
    organization_id: str
    input: types.AgentExecutionInput = late_attrs.field(converter=_read_input)
    created_at: datetime  # None where the platform sent what is not a time: the rest is read all the same

    status: AgentExecutionStatus = late_attrs.field(
        # A task whose status can't be read must not pass for one that waits.
        default=AgentExecutionStatus.Pending,
        converter=AgentExecutionStatus,
        metadata=ESSENTIAL,
    )
    internal_status: str | None = None
    last_executed_node_id: str | None = None
    agent_version: str | None = None
    started_at: datetime | None = None
    paused_at: datetime | None = None
    finished_at: datetime | None = None
    result: str | None = None
    parent_execution: str | None = None
    conversation_id: str | None = None
    conversation_kind: str | None = None
    sub_executions: list[str] = late_attrs.field(factory=list[str])
    finished_sub_executions: list[str] = late_attrs.field(factory=list[str])
    should_update_parent: bool = False
    is_manually_stopped: bool = False
    payload_extension: dict[str, Any] | None = None
    execution_kind: str | None = None
    hitl_request: types.HumanInTheLoopRequest | None = None
    pending_eca_request: types.PendingECARequest | None = None
    source: str | None = None
    worker_id: str | None = None
    voice_id: str | None = None
    output_format: OutputFormat | None = late_attrs.field(default=None, converter=_output_format)
    output_schema: dict[str, Any] | None = None
    events_streaming: bool = False
    is_orchestration: bool = False
    is_gateway: bool = False
    is_app: bool = False
    is_continuous: bool = False
    background_auth_eligible: bool = False
    additional_context: str | None = None
    tool_call_limit: int | None = None
    instructions_override: str | None = None
    test_run_node_id: str | None = None
    user_oidc_token: str | None = late_attrs.field(default=None, repr=False)
    expected_output: str | None = None
    mcp_servers: list[types.MCPServerDetails] = late_attrs.field(factory=list["types.MCPServerDetails"])
    triggering_agent_id: str | None = None
    title: str | None = None
    think_mode: ThinkMode = late_attrs.field(default=ThinkMode.Default, converter=ThinkMode)
    disable_attachment_injection: bool = False
    user_tokens: dict[str, Any] | None = late_attrs.field(default=None, repr=False)
    deep_planning: types.DeepPlanning = late_attrs.field(factory=lambda: types.DeepPlanning())
    must_deep_plan: bool = False
    execution_attempts: int = 1
    return_metrics: bool = False
    llm_model_provider: str | None = None
    llm_model_name: str | None = None
    llm_reasoning_effort: str | None = None
    harness_cli: str | None = None
    permission_mode: str | None = None
    tokens: usage.Tokens | None = None
    used_tools: list[str] = late_attrs.field(factory=list[str])
    used_mutating_tools: bool = False
    duration: float = 0.0
    extra: dict[str, Any] = late_attrs.field(factory=dict[str, Any], repr=False)

    def __repr__(self) -> str:
        from xpander_facade.types._representation import changed_repr

        return changed_repr(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the task as JSON-ready data, without its configuration and without secrets.

        Left out are `user_oidc_token`, `user_tokens`, and the keys, headers and variables of MCP servers.

            kept = task.to_dict()
            again = Task.from_dict(kept)
        """
        data: dict[str, Any] = _serialization.unstructure(self, leave_out=is_secret)
        return data

    def _repr_html_(self) -> str:
        """Return what matters of the task as a table for a notebook: every value is text, and no secret is there."""
        from xpander_facade._serialization.notebook import table_of_fields

        tokens = self.tokens
        counts = None if tokens is None else f"{tokens.prompt_tokens:,} in, {tokens.completion_tokens:,} out"
        return table_of_fields(
            f"Task {self.id}",
            [
                ("agent", self.agent_id),
                ("status", self.status.value),
                ("title", self.title),
                ("created", self.created_at),
                ("started", self.started_at),
                ("finished", self.finished_at),
                ("seconds", self.duration or None),
                ("tokens", counts),
                ("tools", self.used_tools),
                ("files", self.input.files),
                ("input", self.input.text),
                ("result", self.result),
            ],
        )

    def _server_state(self) -> TaskRecord | None:
        """Return what the platform last said, or None where it said nothing."""
        snapshot = getattr(self, "_snapshot", None)
        return None if snapshot is None else _serialization.structure(TaskRecord, snapshot)

    def _has_said_status(self) -> bool:
        """Whether the status is the platform's own, in whatever form it came."""
        snapshot = getattr(self, "_snapshot", None)
        said = cast("dict[str, Any]", snapshot).get("status") if isinstance(snapshot, dict) else None
        return said is not None and (said == self.status or not isinstance(said, str))

    def _merge_from(self, fresh: TaskRecord) -> None:
        """Take over the platform's newer state, but a plan and a context that it returns empty."""
        import attrs

        for field in attrs.fields(TaskRecord):
            value = getattr(fresh, field.name)
            # An answer without one of these does not say that it is gone.
            if field.name == "deep_planning" and not value.tasks and _has_items(self.deep_planning):
                continue
            if field.name == "additional_context" and not value:
                continue
            setattr(self, field.name, value)
        object.__setattr__(self, "_snapshot", getattr(fresh, "_snapshot", None))
        self._bind_response(fresh.request_id, getattr(fresh, "_page_url", None))


def _has_items(plan: Any) -> bool:
    """Whether a plan has items; one that was set as JSON is a dict."""
    if isinstance(plan, dict):
        return bool(cast("dict[str, Any]", plan).get("tasks"))
    return bool(getattr(plan, "tasks", None))


def to_wire(task: TaskRecord) -> dict[str, Any]:
    """Return a task in the platform's own form: without the platform's notes in `extra`, whose names begin with _."""
    data: dict[str, Any] = _serialization.unstructure(task, leave_out=lambda _, name: name.startswith("_"))
    return data
