"""Small documented types that tasks are made of. They hold data; none of them does I/O.

Names, attributes and defaults are those of the platform's documentation. `extra` holds what the platform sends beyond
them; it is sent back when the object is saved.
"""

from __future__ import annotations

import re
from typing import Any

from xpander_facade._process import late_attrs
from xpander_facade._validation import check_id, check_instance
from xpander_facade.types.enums import (
    MCPServerAuthType,
    MCPServerSSOToken,
    MCPServerTransport,
    MCPServerType,
    OutputFormat,
)


@late_attrs.define
class User:
    """The end user on whose behalf a task runs.

        task = tasks.create(prompt="Hello", user_details=User(email="ada@example.com", first_name="Ada"))

    Args:
        email: The user's address; the one required attribute.
        timezone: An IANA name, such as Europe/Berlin.
    """

    email: str
    id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    additional_attributes: dict[str, Any] | None = None
    timezone: str | None = None
    extra: dict[str, Any] = late_attrs.field(factory=dict[str, Any], kw_only=True, repr=False)


@late_attrs.define
class Principal:
    """Who caused a task.

        principal = Principal(kind=PrincipalKind.user, id="user-1")

    Args:
        kind: user, slack, api_key, system or anonymous.
        id: Without ':' and white space.
    """

    kind: str
    id: str | None = None
    email: str | None = None
    display_name: str | None = None
    extra: dict[str, Any] = late_attrs.field(factory=dict[str, Any], kw_only=True, repr=False)


@late_attrs.define
class Attachment:
    """A file of a task's input, with what is known of it.

        attachment = Attachment(url="https://files.example.com/a.pdf", name="a.pdf")
        task = tasks.create(prompt="Read it", attachments=[attachment])

    Args:
        url: Where the file is.
        mime: Its media type, such as application/pdf.
        size: Bytes.
        kind: image, pdf, document, text, audio, video, archive or unknown.
        transcript: The words of an audio or video file.
    """

    url: str
    name: str | None = None
    mime: str | None = None
    size: int | None = None
    kind: str | None = None
    sha256: str | None = None
    expires_at: str | None = None
    source: str | None = None
    transcript: str | None = None
    extra: dict[str, Any] = late_attrs.field(factory=dict[str, Any], kw_only=True, repr=False)


@late_attrs.define
class AgentExecutionInput:
    """What a task is asked.

        given = AgentExecutionInput(text="Read invoice 17", user=User(email="ada@example.com"))

    Args:
        text: The prompt.
        files: URLs of files.
        user: The end user.
    """

    text: str | None = None
    files: list[str] = late_attrs.field(factory=list[str])
    user: User | None = None
    attachments: list[Attachment] = late_attrs.field(factory=list[Attachment])
    principal: Principal | None = None
    extra: dict[str, Any] = late_attrs.field(factory=dict[str, Any], kw_only=True, repr=False)


@late_attrs.define
class LocalTaskTest:
    """A task to try a handler with: `on_task(test_task=...)`.

        @on_task(test_task=LocalTaskTest(input=AgentExecutionInput(text="Is it on?")))
        def handler(task: Task) -> Task:
            task.result = "Yes."
            return task

    Args:
        input: What the task is asked.
        output_format: The form of the result.
        output_schema: JSON schema of a structured result.
    """

    input: AgentExecutionInput
    output_format: OutputFormat | str | None = None
    output_schema: dict[str, Any] | None = None


def _usual_transport(server: MCPServerDetails) -> MCPServerTransport:
    is_local = server.type is MCPServerType.Local
    return MCPServerTransport.STDIO if is_local else MCPServerTransport.STREAMABLE_HTTP


def _shown_url(url: str | None) -> str:
    """Return a URL's repr without the parts that may hold a key: user and password, query, fragment."""
    bare = re.split(r"[?#]", url or "", maxsplit=1)[0]
    shown = re.sub(r"(?<=//)[^/]*@", "", bare)
    return repr(url if shown == url else f"{shown}...") if url else repr(url)


def _shown_command(command: str | None) -> str:
    """Return a command's repr without its arguments, which may hold a key."""
    program, _, arguments = (command or "").partition(" ")
    return repr(f"{program} ..." if arguments else command)


@late_attrs.define
class MCPServerDetails:
    """An MCP server that a task may use.

    The secret attributes (`api_key`, `client_secret`, `headers`, `env_vars`) show in no `repr` and in no `to_dict()`;
    what may hold a key in `url` and `command` shows in no `repr`.

        server = MCPServerDetails(name="files", url="https://mcp.example.com")
        task = tasks.create(prompt="List my files", mcp_servers=[server])

    Args:
        transport: How one talks to it; by default stdio for a local server, streamable-http for any other.
    """

    id: str | None = None
    type: MCPServerType = late_attrs.field(default=MCPServerType.Remote, converter=MCPServerType)
    name: str | None = None
    command: str | None = late_attrs.field(default=None, repr=_shown_command)
    url: str | None = late_attrs.field(default=None, repr=_shown_url)
    transport: MCPServerTransport = late_attrs.field(
        # On the platform the transport of a local server is stdio, and that of a remote one never is.
        default=late_attrs.Factory(_usual_transport, takes_self=True),
        converter=MCPServerTransport,
    )
    auth_type: MCPServerAuthType = late_attrs.field(default=MCPServerAuthType.None_, converter=MCPServerAuthType)
    api_key: str | None = late_attrs.field(default=None, repr=False)
    use_secrets_manager: bool = False
    client_id: str | None = None
    client_secret: str | None = late_attrs.field(default=None, repr=False)
    headers: dict[str, Any] = late_attrs.field(factory=dict[str, Any], repr=False)
    env_vars: dict[str, Any] = late_attrs.field(factory=dict[str, Any], repr=False)
    allowed_tools: list[str] = late_attrs.field(factory=list[str])
    additional_scopes: list[str] = late_attrs.field(factory=list[str])
    share_user_token_across_other_agents: bool = True
    sso_token: MCPServerSSOToken = late_attrs.field(default=MCPServerSSOToken.Access, converter=MCPServerSSOToken)
    sso_audience: str | None = None
    extra: dict[str, Any] = late_attrs.field(factory=dict[str, Any], kw_only=True, repr=False)


@late_attrs.define
class DeepPlanningItem:
    """One item of a plan.

    For example:

        item = DeepPlanningItem(id="1", title="Read the invoice")
        item.completed = True
    """

    id: str = ""
    title: str = ""
    completed: bool = False
    extra: dict[str, Any] = late_attrs.field(factory=dict[str, Any], kw_only=True, repr=False)


@late_attrs.define
class DeepPlanning:
    """The plan of a task: an empty one with all flags false where there is none.

        plan = DeepPlanning(enabled=True, tasks=[DeepPlanningItem(id="1", title="Read the invoice")])

    Args:
        enabled: The task has a plan.
        enforce: The task may not finish before the plan is done.
        started: Work on the plan has begun.
        question_raised: The agent asked something back; the plan waits.
        tasks: The items, in order.
    """

    enabled: bool = False
    enforce: bool = False
    started: bool = False
    question_raised: bool = False
    tasks: list[DeepPlanningItem] = late_attrs.field(factory=list[DeepPlanningItem])
    extra: dict[str, Any] = late_attrs.field(factory=dict[str, Any], kw_only=True, repr=False)


@late_attrs.define
class HumanInTheLoopRequest:
    """Why a task is paused: a person has to approve at this node.

    For example:

        paused: HumanInTheLoopRequest | None = task.hitl_request
    """

    wait_node_id: str | None = None
    extra: dict[str, Any] = late_attrs.field(factory=dict[str, Any], kw_only=True, repr=False)


@late_attrs.define
class PendingECARequest:
    """Why a task is paused: the user has to log in to a connector (External Credential Authorization).

    For example:

        login: PendingECARequest | None = task.pending_eca_request
    """

    connector_name: str | None = None
    auth_url: str | None = None
    extra: dict[str, Any] = late_attrs.field(factory=dict[str, Any], kw_only=True, repr=False)


@late_attrs.define
class PlanFollowingStatus:
    """Whether a task's plan lets it finish.

        plan: PlanFollowingStatus = task.get_plan_following_status()
        print([item.title for item in plan.uncompleted_tasks])

    Args:
        can_finish: Nothing of the plan stands in the way.
        uncompleted_tasks: The items that are not done yet.
    """

    can_finish: bool
    uncompleted_tasks: list[DeepPlanningItem] = late_attrs.field(factory=list[DeepPlanningItem])


@late_attrs.define
class CompactRetryResult:
    """What a compaction did.

        outcome: CompactRetryResult = task.compact_session_for_retry(summarize=lambda text: text[:200])
        print(outcome.total_tokens)

    Args:
        compacted: Whether there was something to compact.
        input_tokens: Tokens that went in; an estimate where no model counted them.
        output_tokens: Tokens that came out; an estimate likewise.
        total_tokens: Both together.
    """

    compacted: bool
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0


def check_principal(value: Any) -> Principal | None:
    """Return who causes a task, or None.

    Raises:
        TypeError: It is neither, or its id is not a string.
        ValueError: Its id is empty, or holds ':' or white space, which the platform does not take.
    """
    principal = check_instance("principal", value, Principal)
    if principal is not None and principal.id is not None:
        name = check_id("principal.id", principal.id)
        if ":" in name or any(character.isspace() for character in name):
            raise ValueError(f"principal.id can't be {name[:40]!r}: leave out ':' and white space")
    return principal
