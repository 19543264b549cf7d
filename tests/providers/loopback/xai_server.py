"""xAI's gRPC service on the loopback interface. Import it only where xai-sdk and grpcio are installed."""

from __future__ import annotations

from concurrent import futures
from typing import TYPE_CHECKING, Any

import grpc
from xai_sdk.proto import chat_pb2, chat_pb2_grpc, usage_pb2

from loopback.script import Call, Say, counts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopback.script import Counts

THOUGHTS = 4
"""Of the completion; xAI counts them beside its answer."""


def _usage(counts: Counts, completion: int) -> Any:
    return usage_pb2.SamplingUsage(
        prompt_tokens=counts.prompt,
        prompt_text_tokens=counts.prompt,
        cached_prompt_text_tokens=counts.read,
        completion_tokens=completion - THOUGHTS,
        reasoning_tokens=THOUGHTS,
        total_tokens=counts.prompt + completion,
    )


def _calls(step: Say | Call, number: int) -> list[Any]:
    if not isinstance(step, Call):
        return []
    function = chat_pb2.FunctionCall(name=step.tool, arguments=step.json)
    return [chat_pb2.ToolCall(id=f"call_{number}", function=function)]


class XaiServer(chat_pb2_grpc.ChatServicer):
    """Answers chats after a script."""

    def __init__(self) -> None:
        self._steps: list[Say | Call] = []
        self._taken = 0
        self._server = grpc.server(futures.ThreadPoolExecutor(2))
        chat_pb2_grpc.add_ChatServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def script(self, *steps: Say | Call) -> None:
        """Answer with these steps."""
        self._steps += steps

    def close(self) -> None:
        """End the server."""
        self._server.stop(None).wait(5)

    def _take(self) -> tuple[Say | Call, Counts, int]:
        step = self._steps[self._taken]
        self._taken += 1
        return step, counts_of(self._taken), self._taken

    def GetCompletion(self, request: Any, context: Any) -> Any:
        step, counts, number = self._take()
        message = chat_pb2.CompletionMessage(
            role="ROLE_ASSISTANT",
            content="" if isinstance(step, Call) else step.whole,
            tool_calls=_calls(step, number),
        )
        output = chat_pb2.CompletionOutput(index=0, message=message)
        return chat_pb2.GetChatCompletionResponse(
            id=f"x{number}", model=request.model, outputs=[output], usage=_usage(counts, counts.completion)
        )

    def GetCompletionChunk(self, request: Any, context: Any) -> Iterator[Any]:
        step, counts, number = self._take()
        pieces = ["", ""] if isinstance(step, Call) else step.pieces
        for at, piece in enumerate(pieces):
            is_last = at == len(pieces) - 1
            delta = chat_pb2.Delta(
                role="ROLE_ASSISTANT", content=piece, tool_calls=_calls(step, number) if is_last else []
            )
            yield chat_pb2.GetChatCompletionChunk(
                id=f"x{number}",
                model=request.model,
                outputs=[chat_pb2.CompletionOutputChunk(index=0, delta=delta)],
                usage=_usage(counts, counts.completion if is_last else THOUGHTS + 1),
            )
