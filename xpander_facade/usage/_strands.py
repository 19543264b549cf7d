"""The results of Strands: agents, graphs and swarms, and the events of a streamed agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._bedrock import stream_event
from xpander_facade.usage._counts import Counts, added, counts_in, counts_of
from xpander_facade.usage._fields import as_dict, field, get_path, is_list, text
from xpander_facade.usage._fragments import Scope, UsageFragment
from xpander_facade.usage._output import output_texts, status_of

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

EVENTS = (
    "result", "event", "message", "init_event_loop", "start_event_loop", "current_tool_use", "event_loop_cycle_id",
)  # fmt: skip
_GROUP = "strands"
_HANDOFF = "handoff_to_agent"
_MAX_DEPTH = 8


def result(thing: Any, read: Reader) -> UsageFragment | None:
    """Read an agent's result. Its metrics are of all runs of the agent; their last invocation is this one."""
    if field(thing, "stop_reason") is None or field(thing, "message") is None:
        return None
    if not is_list(get_path(thing, "metrics.agent_invocations")):
        return _stored_result(thing, read) if field(thing, "type") == "agent_result" else None
    fragment = UsageFragment(scope=Scope.RUN, group=_GROUP, is_final=True)
    _fill(fragment, thing, 1, read)
    fragment.texts = _said(thing, read)
    return fragment


def _stored_result(thing: Any, read: Reader) -> UsageFragment:
    """Read what `to_dict` keeps: the last message, whose counts are those of the last call only."""
    return UsageFragment(texts=read.texts(get_path(thing, "message.content")), group=_GROUP, is_final=True)


def _fill(fragment: UsageFragment, thing: Any, runs: int, read: Reader) -> None:
    """Add what the last runs of an agent cost, and the tools that they called."""
    metrics = field(thing, "metrics")
    invocations = list(read.items(field(metrics, "agent_invocations")))
    own = invocations[-runs:]
    fragment.counts.add(added(counts_in(field(one, "usage")) for one in own))
    cycles = sum(len(list(read.items(field(one, "cycles")))) for one in own)
    traces = list(read.items(field(metrics, "traces")))
    # Traces, one a cycle, are kept for the life of the agent: the last ones are those of this run.
    if cycles and len(traces) >= cycles:
        names = [
            name
            for trace in traces[-cycles:]
            for child in read.items(field(trace, "children"))
            if (name := text(get_path(child, "metadata.tool_name")))
        ]
    else:
        # Without traces only the names are known of all tools that the agent has ever called.
        names = [name for name in as_dict(field(metrics, "tool_metrics")) or () if type(name) is str]
    hidden = {_HANDOFF}
    if field(thing, "structured_output") is not None:  # the run ended with a call of its output tool
        hidden |= {*read.calls(get_path(thing, "message.content"))}
        hidden.add(type(field(thing, "structured_output")).__name__)
    fragment.tools += [name for name in names if name not in hidden]


def _said(thing: Any, read: Reader) -> list[str]:
    return output_texts(field(thing, "structured_output"), read) or read.texts(get_path(thing, "message.content"))


def graph(thing: Any, read: Reader) -> UsageFragment | None:
    """Read the result of a graph or a swarm. Its own sum holds earlier runs of its agents; their results tell apart."""
    results = as_dict(field(thing, "results"))
    if results is None or field(thing, "accumulated_usage") is None:
        return None
    fragment = UsageFragment(scope=Scope.RUN, group=_GROUP, is_final=True)
    if not _add_nodes(fragment, thing, read, 0):
        fragment.counts = counts_in(field(thing, "accumulated_usage"))
    if fragment.counts.is_zero:
        fragment.counts = Counts()
    status = status_of(thing)
    fragment.is_success = {"completed": True, "failed": False}.get(status or "")
    if status == "failed":
        fragment.failure = _reason(results) or "the graph failed"
    return fragment


def _add_nodes(fragment: UsageFragment, thing: Any, read: Reader, depth: int) -> bool:
    """Add what the nodes of a graph tell; return whether they told any counts."""
    is_told = False
    results = as_dict(field(thing, "results")) or {}
    runs: dict[str, int] = {}
    for node in [*read.items(field(thing, "execution_order"))] or [*read.items(field(thing, "node_history"))]:
        if name := text(field(node, "node_id")):
            runs[name] = runs.pop(name, 0) + 1  # the last one that ran stands last
    for name in [*(name for name in results if name not in runs), *runs]:
        inner = field(field(results, name), "result")
        if is_list(get_path(inner, "metrics.agent_invocations")):
            _fill(fragment, inner, runs.get(name, 1), read)
            fragment.texts = _said(inner, read) or fragment.texts
            is_told = True
        elif as_dict(field(inner, "results")) is not None and depth < _MAX_DEPTH:
            is_told = _add_nodes(fragment, inner, read, depth + 1) or is_told
    return is_told


def _reason(results: dict[Any, Any]) -> str | None:
    for node in results.values():
        inner = field(node, "result")
        if isinstance(inner, Exception):
            return str(inner) or type(inner).__name__
    return None


def event(thing: Any, read: Reader) -> UsageFragment | list[UsageFragment] | None:
    """Read an event of `stream_async`: the model's own, the message that they make, or the result at the end."""
    thing = as_dict(thing)
    if thing is None:
        return None
    last: Any = field(thing, "result")
    if last is not None and is_list(get_path(last, "metrics.agent_invocations")):
        return result(last, read)
    inner = as_dict(field(thing, "event"))
    if inner is not None and len(inner) == 1:
        return _told(stream_event(inner, read))
    message = field(thing, "message")
    if as_dict(message) is not None and len(thing) == 1 and is_list(content := field(message, "content")):
        if field(message, "role") != "assistant":
            return []
        counts = counts_of(field(message, "metadata"))
        piece = UsageFragment(counts, tools=read.calls(content), texts=read.texts(content), chunk=True, whole=True)
        piece.ends = True
        return _told(piece)
    return [] if any(name in thing for name in EVENTS[3:]) else None


def _told(piece: Any) -> UsageFragment | list[UsageFragment]:
    if not isinstance(piece, UsageFragment):
        return []
    piece.group = _GROUP
    return piece
