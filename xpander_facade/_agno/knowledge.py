"""An agent's knowledge bases as one retriever of Agno's, for `run` and for `arun`."""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade._agno.tools import reason_of
from xpander_facade.errors import XpanderError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from xpander_facade.agents._agent import Agent
    from xpander_facade.types.agents import KnowledgeBaseSearchResult

_log = logging.getLogger(__name__)

_NUM_DOCUMENTS = 10


def knowledge_retriever(agent: Agent) -> Callable[..., Any] | None:
    """Return what searches all knowledge bases of an agent, the best first; None where it has none.

    A knowledge base that can't be searched is left out, with a line for the model in the place of its documents.
    """
    if not agent.knowledge_bases:
        return None
    ids = [base.id for base in agent.knowledge_bases]

    def search(query: str, num_documents: int | None = None, **_: Any) -> Any:
        top_k = num_documents or _NUM_DOCUMENTS
        # The frame is that of Agno, to which this is a callable of its agent.
        if _is_awaited_by(sys._getframe(1)):
            return _asearch_all(agent, ids, query, top_k)
        return _search_all(agent, ids, query, top_k)

    return search


def _is_awaited_by(caller: FrameType) -> bool:
    """Whether the caller awaits what it is given.

    `arun` calls a retriever in the event loop and awaits its result; `run` uses the result as it is, also where it is
    called within a loop. Both call the same attribute, and nothing that Agno passes on request (`agent`, `filters`,
    `run_context`, `dependencies`) tells them apart, in 2.5.14 as in 3.1.10. So where there is a loop, the caller's code
    has to tell.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return bool(caller.f_code.co_flags & inspect.CO_COROUTINE)


def _search_all(agent: Agent, ids: list[str], query: str, top_k: int) -> list[dict[str, Any]]:
    found: list[KnowledgeBaseSearchResult] = []
    notes: list[str] = []
    for knowledge_base_id in ids:
        try:
            found += agent.search_knowledge(query, knowledge_base_id=knowledge_base_id, top_k=top_k)
        except XpanderError as error:
            notes.append(_left_out(agent, knowledge_base_id, error))
    return _documents(found, notes, top_k)


async def _asearch_all(agent: Agent, ids: list[str], query: str, top_k: int) -> list[dict[str, Any]]:
    async def search(knowledge_base_id: str) -> list[KnowledgeBaseSearchResult] | str:
        try:
            return await agent.asearch_knowledge(query, knowledge_base_id=knowledge_base_id, top_k=top_k)
        except XpanderError as error:
            return _left_out(agent, knowledge_base_id, error)

    outcomes = await asyncio.gather(*map(search, ids))
    found = [result for outcome in outcomes if not isinstance(outcome, str) for result in outcome]
    return _documents(found, [outcome for outcome in outcomes if isinstance(outcome, str)], top_k)


def _left_out(agent: Agent, knowledge_base_id: str, error: XpanderError) -> str:
    _log.warning("agent %s: the knowledge base %s could not be searched: %s", agent.id, knowledge_base_id, error)
    return f"The knowledge base {knowledge_base_id} could not be searched: {reason_of(error)}"


def _documents(found: list[KnowledgeBaseSearchResult], notes: list[str], top_k: int) -> list[dict[str, Any]]:
    found.sort(key=lambda result: -(result.score or 0.0))
    documents = [
        {name: value for name, value in attrs.asdict(result, recurse=False).items() if value is not None}
        for result in found[:top_k]
    ]
    for document in documents:
        document.update(document.pop("extra", {}))
    return [*documents, *({"content": note} for note in notes)]
