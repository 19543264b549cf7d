# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownAgentGraphItemType = Literal[
    "agent",
    "coding_agent",
    "custom_agent",
    "human_in_the_loop",
    "local_db",
    "mcp",
    "skills",
    "source_node",
    "storage",
    "tool",
    "workflow",
    "xpsleep-agent-delay",
]

KNOWN_AGENT_GRAPH_ITEM_TYPE_VALUES: set[KnownAgentGraphItemType] = {
    "agent",
    "coding_agent",
    "custom_agent",
    "human_in_the_loop",
    "local_db",
    "mcp",
    "skills",
    "source_node",
    "storage",
    "tool",
    "workflow",
    "xpsleep-agent-delay",
}


def check_known_agent_graph_item_type(value: str) -> KnownAgentGraphItemType:
    if value in KNOWN_AGENT_GRAPH_ITEM_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_AGENT_GRAPH_ITEM_TYPE_VALUES!r}")
