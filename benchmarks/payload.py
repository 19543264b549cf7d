"""What every candidate sends and gets: one report, one full Task, and the event streams. Standard library only."""

from __future__ import annotations

import json
from typing import Any

AGENT_ID = "5f0c2a4e-agent"
API_KEY = "benchmark-key"
ORGANIZATION_ID = "3c9f-organization"
HEADERS = {"x-api-key": API_KEY}

TOKENS = {"prompt_tokens": 812, "completion_tokens": 164}
REPORT: dict[str, Any] = {
    "id": "run-2026-11-21-000042",
    "input": "Summarise the open support tickets of the last week and name the three most urgent ones.",
    "llm_response": {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": "chat.completion",
        "created": 1741569952,
        "model": "gpt-4.1-2025-04-14",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Three are urgent: #4411 (login loop), #4415 (invoice twice), #4420 (export hangs).",
                    "refusal": None,
                    "annotations": [],
                },
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 812, "completion_tokens": 164, "total_tokens": 976},
        "service_tier": "default",
    },
    "tokens": TOKENS,
    "is_success": True,
    "result": "Three tickets are urgent: #4411 (login loop), #4415 (invoice twice), #4420 (export hangs).",
    "duration": 2.75,
    "used_tools": ["search_tickets", "read_ticket"],
}
REPORT_PATH = f"/agent-execution/{AGENT_ID}/report_task"

# The 56 fields that the vendor's Task has as well.
TASK: dict[str, Any] = {
    "id": "run-2026-11-21-000042",
    "agent_id": AGENT_ID,
    "organization_id": ORGANIZATION_ID,
    "input": {
        "text": REPORT["input"],
        "files": ["https://files.example/tickets.csv"],
        "user": {
            "id": "user-17",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email": "ada@example.com",
            "additional_attributes": {"team": "support"},
            "timezone": "Europe/London",
        },
    },
    "created_at": "2026-11-21T04:59:57.125000Z",
    "status": "completed",
    "internal_status": "reported",
    "last_executed_node_id": "node-7",
    "agent_version": "3",
    "started_at": "2026-11-21T04:59:57.250000Z",
    "paused_at": None,
    "finished_at": "2026-11-21T05:00:00Z",
    "result": REPORT["result"],
    "parent_execution": None,
    "conversation_id": "conversation-9",
    "conversation_kind": "direct",
    "sub_executions": ["run-1", "run-2"],
    "should_update_parent": False,
    "is_manually_stopped": False,
    "payload_extension": {"region": "eu", "priority": 2},
    "execution_kind": "external",
    "hitl_request": None,
    "pending_eca_request": None,
    "source": "sdk",
    "voice_id": None,
    "output_format": "markdown",
    "output_schema": None,
    "events_streaming": False,
    "is_orchestration": False,
    "is_gateway": False,
    "is_app": False,
    "background_auth_eligible": False,
    "additional_context": "The customer is on the enterprise plan.",
    "tool_call_limit": 40,
    "instructions_override": None,
    "test_run_node_id": None,
    "user_oidc_token": None,
    "expected_output": "A list of tickets.",
    "mcp_servers": [],
    "triggering_agent_id": None,
    "title": "Urgent tickets",
    "think_mode": "default",
    "disable_attachment_injection": False,
    "user_tokens": None,
    "deep_planning": {
        "enabled": True,
        "enforce": False,
        "started": True,
        "question_raised": False,
        "tasks": [
            {"id": "1", "title": "Search the tickets", "completed": True},
            {"id": "2", "title": "Rank them", "completed": True},
        ],
    },
    "must_deep_plan": False,
    "execution_attempts": 1,
    "return_metrics": False,
    "llm_model_provider": "openai",
    "llm_model_name": "gpt-4.1",
    "llm_reasoning_effort": "medium",
    "harness_cli": None,
    "permission_mode": None,
    "tokens": {**TOKENS, "cache_read_tokens": 0, "cache_write_tokens": 0},
    "used_tools": REPORT["used_tools"],
    "duration": 2.75,
}
TASK_JSON = json.dumps(TASK).encode()

BURST = "burst-{count}"
"""Id of a task whose stream brings so many chunks at once, without ids, then the end."""
BURST_WITH_IDS = "burstids-{count}"
PACED = "paced-{count}-{gap}"
"""Id of a task whose stream brings so many chunks, so many ms apart, each with the `monotonic_ns` of its sending."""


def streaming_task(task_id: str) -> dict[str, Any]:
    """Return the JSON of a task that streams."""
    return {**TASK, "id": task_id, "status": "executing", "finished_at": None, "events_streaming": True}


def event(task_id: str, kind: str, data: Any, event_id: int | None = None) -> bytes:
    """Return one frame of a stream."""
    body = {
        "type": kind,
        "task_id": task_id,
        "organization_id": ORGANIZATION_ID,
        "time": "2026-11-21T04:59:57.125000Z",
        "data": data,
    }
    line = b"" if event_id is None else b"id: %d\n" % event_id
    return line + b"data: " + json.dumps(body).encode() + b"\n\n"


def burst(task_id: str, count: int, *, with_ids: bool) -> bytes:
    """Return all frames of a burst."""
    text = "Three tickets are urgent, and the first one is "
    frames = [event(task_id, "chunk", f"{text}{n}", n if with_ids else None) for n in range(count - 1)]
    frames.append(event(task_id, "task_finished", {**TASK, "id": task_id}, count if with_ids else None))
    return b"".join(frames)
