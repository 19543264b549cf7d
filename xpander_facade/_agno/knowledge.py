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
        caller = sys._getframe(1).f_code
        if caller.co_flags & inspect.CO_COROUTINE:
            # Agno's async run calls this in the event loop, and awaits what it is given.
            return _asearch_all(agent, ids, query, top_k)
        return _search_all(agent, ids, query, top_k)

    return search


def _search_all(agent: Agent, ids: list[str], query: str, top_k: int) -> list[dict[str, Any]]:
    found: list[KnowledgeBaseSearchResult] = []
    lines: list[str] = []
    for knowledge_base_id in ids:
        try:
            found += agent.search_knowledge(query, knowledge_base_id=knowledge_base_id, top_k=top_k)
        except XpanderError as error:
            lines.append(_left_out(agent, knowledge_base_id, error))
    return _documents(found, lines, top_k)


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


def _documents(found: list[KnowledgeBaseSearchResult], lines: list[str], top_k: int) -> list[dict[str, Any]]:
    found.sort(key=lambda result: -(result.score or 0.0))
    documents = [
        {name: value for name, value in attrs.asdict(result, recurse=False).items() if value is not None}
        for result in found[:top_k]
    ]
    for document in documents:
        document.update(document.pop("extra", {}))
    return [*documents, *({"content": line} for line in lines)]
