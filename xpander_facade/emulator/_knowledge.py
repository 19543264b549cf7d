"""Knowledge bases of the emulator: documents in memory, and a search that scores their paragraphs.

The score of a paragraph is the share of the question's words that it holds, the rare ones weighing more: 1.0 where it
holds all of them. Paragraphs without any are not found.
"""

from __future__ import annotations

import math
import re
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ._problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._json import Json

_MAX_RESULTS: Final = 10
_BUBBLE: Final = 1000
_WORD: Final = re.compile(r"\w+")
_PARAGRAPH: Final = re.compile(r"\S(?:.|\n(?!\s*\n))*")


@dataclass(frozen=True, slots=True)
class _Paragraph:
    document_id: str
    document_name: str
    document: str
    start: int
    end: int
    words: frozenset[str]

    def text(self, bubble: int) -> str:
        """Return the paragraph, with so many characters of its document around it."""
        around = max(0, bubble - (self.end - self.start)) // 2
        return self.document[max(0, self.start - around) : self.end + around].strip()


class KnowledgeBases:
    """All knowledge bases, by id."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._bases: dict[str, list[_Paragraph]] = {}

    def add(self, knowledge_base_id: str, documents: Iterable[str | Mapping[str, Any]] = ()) -> None:
        """Add documents to a knowledge base, which is made where there is none.

        Args:
            knowledge_base_id: The knowledge base.
            documents: Texts, or objects with `content` and perhaps `name` and `id`.
        """
        found: list[_Paragraph] = []
        for given in documents:
            document: Mapping[str, Any] = {"content": given} if isinstance(given, str) else given
            text = str(document["content"])
            # The same text has the same id in each run of a test.
            document_id = str(document.get("id") or uuid.uuid5(uuid.NAMESPACE_OID, text))
            name = str(document.get("name") or document_id)
            found += [
                _Paragraph(document_id, name, text, *match.span(), _words(match.group()))
                for match in _PARAGRAPH.finditer(text)
            ]
        with self._lock:
            self._bases.setdefault(knowledge_base_id, []).extend(found)

    def remove(self, knowledge_base_id: str) -> None:
        """Remove a knowledge base; a search of it is answered 404."""
        with self._lock:
            self._bases.pop(knowledge_base_id, None)

    def clear(self) -> None:
        """Remove all knowledge bases."""
        with self._lock:
            self._bases.clear()

    def search(self, knowledge_base_id: str, query: Mapping[str, str]) -> list[Json]:
        """Return what fits a question, the best first.

        Raises:
            Problem: 404 when there is no such knowledge base.
        """
        with self._lock:
            paragraphs = self._bases.get(knowledge_base_id)
            if paragraphs is None:
                raise Problem(404, f"Knowledge base {knowledge_base_id!r} not found")
            paragraphs = list(paragraphs)
        asked = _words(query["search_query"])
        weights = {word: _weight(word, paragraphs) for word in asked}
        total = sum(weights.values()) or 1.0
        scored = [(sum(weights[word] for word in asked & part.words) / total, part) for part in paragraphs]
        scored = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: -pair[0])
        bubble = int(query.get("bubble_size", _BUBBLE)) if query.get("use_bubble") == "true" else 0
        return [
            {
                "content": part.text(bubble),
                "score": round(score, 4),
                "document_name": part.document_name,
                "document_id": part.document_id,
            }
            for score, part in scored[: int(query.get("top_k", _MAX_RESULTS))]
        ]


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _weight(word: str, paragraphs: list[_Paragraph]) -> float:
    holding = sum(word in part.words for part in paragraphs)
    return math.log(1 + len(paragraphs) / (1 + holding))
