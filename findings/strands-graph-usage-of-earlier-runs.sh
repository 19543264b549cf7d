#!/usr/bin/env bash
# strands-agents: the `accumulated_usage` of a graph's second run holds the first run, too.
#
# A Graph starts each run with a fresh state, but adds up `AgentResult.metrics.accumulated_usage` of its nodes, which is a
# sum over everything that the node's agent has ever done. Who bills a GraphResult pays its first run again.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check strands-agents==1.62.0
cat > "$folder/check.py" <<'PY'
import importlib.metadata
import sys
import warnings
from collections.abc import AsyncIterable
from typing import Any

warnings.simplefilter("ignore")
from strands import Agent
from strands.models import Model
from strands.multiagent import GraphBuilder


class TenIn(Model):
    """A model that answers at once; each call costs 10 tokens in and 1 out."""

    def update_config(self, **config: Any) -> None: ...

    def get_config(self) -> dict[str, Any]:
        return {}

    async def structured_output(self, *arguments: Any, **options: Any) -> AsyncIterable[Any]:
        raise NotImplementedError
        yield

    async def stream(self, *arguments: Any, **options: Any) -> AsyncIterable[Any]:
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        yield {"contentBlockDelta": {"delta": {"text": "Yes."}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}
        usage = {"inputTokens": 10, "outputTokens": 1, "totalTokens": 11}
        yield {"metadata": {"usage": usage, "metrics": {"latencyMs": 1}}}


builder = GraphBuilder()
builder.add_node(Agent(model=TenIn(), callback_handler=None), "first")
builder.add_node(Agent(model=TenIn(), callback_handler=None), "second")
builder.add_edge("first", "second")
graph = builder.build()

print("strands-agents", importlib.metadata.version("strands-agents"))
seen = []
for run in (1, 2):
    result = graph("Is it?")
    own = sum(node.result.metrics.agent_invocations[-1].usage["inputTokens"] for node in result.results.values())
    seen.append((own, result.accumulated_usage["inputTokens"]))
    print(f"run {run}: two calls of 10 tokens each; its agents' last invocations {own}, accumulated_usage {seen[-1][1]}")
sys.exit(0 if seen == [(20, 20), (20, 40)] else 1)
PY
"$folder/venv/bin/python" "$folder/check.py"
