"""Report runs that were executed elsewhere: a plain one, one in two steps, and a failure; sync, then async.

Reads XPANDER_API_KEY, XPANDER_BASE_URL, XPANDER_ORGANIZATION_ID and XPANDER_AGENT_ID, as any program does.
"""

from __future__ import annotations

import asyncio

from xpander_facade import Backend, Task, Tokens


def ask_model(prompt: str) -> str:
    """Stand in for a model that is not having a good day."""
    raise TimeoutError(f"the model gave no answer to {prompt!r}")


def show(kind: str, task: Task) -> None:
    print(f"{kind:12} {task.id:24} {task.status.value:10} {task.result}")


def main() -> None:
    with Backend() as backend:
        task = backend.report_external_task(
            id="invoice-17",
            input="Read invoice 17",
            result="Total: 1,240.00 EUR",
            tokens=Tokens(prompt_tokens=1_310, completion_tokens=96),
            duration=2.4,
            used_tools=["ocr"],
        )
        show("plain", task)

        # The same id twice is one run: first what was asked, then what came of it.
        backend.report_external_task(id="export-17", input="Export the invoices of May")
        task = backend.report_external_task(
            id="export-17",
            result="Exported 212 invoices",
            tokens=Tokens(prompt_tokens=9_800, completion_tokens=1_150),
            duration=31.2,
            used_tools=["sql", "object_store"],
        )
        show("in two steps", task)

        prompt = "Which invoices are overdue?"
        try:
            ask_model(prompt)
        except TimeoutError as error:
            task = backend.report_external_task(
                id="overdue-17", input=prompt, result=str(error), is_success=False, duration=30
            )
            show("failure", task)


async def amain() -> None:
    async with Backend() as backend:
        task = await backend.areport_external_task(
            id="invoice-18",
            input="Read invoice 18",
            result="Total: 87.50 EUR",
            tokens=Tokens(prompt_tokens=1_290, completion_tokens=88),
            duration=2.1,
            used_tools=["ocr"],
        )
        show("plain", task)

        await backend.areport_external_task(id="export-18", input="Export the invoices of June")
        task = await backend.areport_external_task(
            id="export-18",
            result="Exported 198 invoices",
            tokens=Tokens(prompt_tokens=9_100, completion_tokens=1_020),
            duration=28.9,
            used_tools=["sql", "object_store"],
        )
        show("in two steps", task)

        prompt = "Which invoices are paid twice?"
        try:
            ask_model(prompt)
        except TimeoutError as error:
            task = await backend.areport_external_task(
                id="twice-18", input=prompt, result=str(error), is_success=False, duration=30
            )
            show("failure", task)


if __name__ == "__main__":
    print("sync")
    main()
    print("async")
    asyncio.run(amain())
