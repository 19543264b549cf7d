"""Enumerations. All are open: a value that the platform invents tomorrow becomes a member without a name."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class OpenEnum(StrEnum):
    """A string enumeration that takes unknown values.

    `Status("new-word")` gives a pseudo-member: it is an instance of the class, equals the string, has `.value` and can
    be pickled, but is not listed among the members.

        status = AgentExecutionStatus("a status of tomorrow")
        assert isinstance(status, OpenEnum)
        print(status.value)
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        # Not added to the class: what a server sends must neither fill the memory nor count as known from then on.
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member

    def __reduce_ex__(self, proto: object) -> tuple[type[Self], tuple[str]]:
        # By value, as later releases of Python 3.11 do: the first ones look for a member of that name.
        return type(self), (self._value_,)

    @classmethod
    def warn_of_unknown(cls, name: str, value: object) -> None:
        """Warn of a word of the user's that this version does not know; it is sent all the same.

            AgentExecutionStatus.warn_of_unknown("status", "completed")

        Args:
            name: The argument, for the text.
            value: What was given; anything but text is left alone.
        """
        word = getattr(value, "value", value)
        if isinstance(word, str) and word not in cls._value2member_map_:
            from xpander_facade._hints import warn_user

            known = ", ".join(member.value for member in cls)
            warn_user(f"{name} {word[:40]!r} is not one that is known ({known}); it is sent as it is")


class AgentExecutionStatus(OpenEnum):
    """Where a task stands.

    For example:

        if task.status is AgentExecutionStatus.Completed:
            print(task.result)
    """

    Pending = "pending"
    Executing = "executing"
    Paused = "paused"
    Error = "error"
    Failed = "failed"
    Completed = "completed"
    Stopped = "stopped"

    @property
    def is_final(self) -> bool:
        """Whether a task with this status has ended: completed, failed, error or stopped."""
        return self.value in _FINAL


# Outside of the class, where it would become a member.
_FINAL = frozenset({"completed", "failed", "error", "stopped"})


class OutputFormat(OpenEnum):
    """The form of a task's result.

    For example:

        task = tasks.create(prompt="List the invoices", output_format=OutputFormat.Json)
    """

    Text = "text"
    Markdown = "markdown"
    Json = "json"
    Voice = "voice"


class ThinkMode(OpenEnum):
    """How hard the agent thinks.

    For example:

        task = tasks.create(prompt="Why?", think_mode=ThinkMode.Harder)
    """

    Default = "default"
    Harder = "harder"


class LLMReasoningEffort(OpenEnum):
    """How much a model reasons before it answers.

    For example:

        print(agent.llm_reasoning_effort == LLMReasoningEffort.Medium)
    """

    Low = "low"
    Medium = "medium"
    High = "high"
    XHigh = "xhigh"


class AgentDeploymentType(OpenEnum):
    """How an agent is run, by the platform itself or in a container.

    For example:

        print(agent.deployment_type == AgentDeploymentType.Serverless)
    """

    Serverless = "serverless"
    Container = "container"


class MCPServerType(OpenEnum):
    """Where an MCP server runs.

    For example:

        assert MCPServerDetails(url="https://mcp.example.com").type is MCPServerType.Remote
    """

    Local = "local"
    Remote = "remote"


class MCPServerTransport(OpenEnum):
    """How one talks to an MCP server. A local server's transport is stdio; a remote one's never is.

    For example:

        server = MCPServerDetails(url="https://mcp.example.com", transport=MCPServerTransport.HTTP_Transport)
    """

    STDIO = "stdio"
    SSE = "sse"
    STREAMABLE_HTTP = "streamable-http"
    # The platform's documentation has this name, too.
    HTTP_Transport = "streamable-http"


class MCPServerAuthType(OpenEnum):
    """How one proves who one is to an MCP server.

    For example:

        server = MCPServerDetails(url="https://mcp.example.com", auth_type=MCPServerAuthType.None_)
    """

    APIKey = "api_key"
    OAuth2 = "oauth2"
    CustomHeaders = "custom_headers"
    SSOUser = "sso_user"
    None_ = "none"
    # The documentation's name, which type checkers hold for private.
    _None = "none"


class MCPServerSSOToken(OpenEnum):
    """Which of the user's single-sign-on tokens an MCP server gets.

    For example:

        server = MCPServerDetails(url="https://mcp.example.com", sso_token=MCPServerSSOToken.Access)
    """

    Access = "access"
    Id = "id"
    ID = "id"
    Exchange = "exchange"


MCPServerSSOTokenMode = MCPServerSSOToken
"""The platform's other name for it."""


class PrincipalKind(OpenEnum):
    """What kind of caller caused a task.

    For example:

        assert PrincipalKind("user") is PrincipalKind.user
    """

    user = "user"
    slack = "slack"
    api_key = "api_key"
    system = "system"
    anonymous = "anonymous"
