"""A task worked on by a real Agno agent, whose model is a stub that remembers what it was given."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs
import pytest
from agno.agent import Agent as AgnoAgent
from agno.media import File, Image
from misbehaving import answer
from stub_model import StubModel

from xpander_facade import AgentExecutionStatus, Task, Tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Misbehaving

    from xpander_facade import Configuration
    from xpander_facade.emulator import Emulator


@pytest.fixture
def files(misbehave: Callable[..., Misbehaving]) -> str:
    """Where a server has text at each path."""
    return misbehave(otherwise=answer(body="id,name\n1,Ada\n", headers={"Content-Type": "text/csv"})).url


@pytest.fixture
def task(emulator: Emulator, configuration: Configuration, files: str) -> Task:
    own = attrs.evolve(configuration, allow_private_file_hosts=True)
    emulator.agent = lambda run: None
    urls = [f"{files}/{name}" for name in ("one.pdf", "table.csv", "photo.png", "two.PDF?page=1", "scan.jpeg")]
    return Tasks(own).create("agent-123", prompt="What do these say?", file_urls=urls)


def test_the_files_are_agnos_own_objects_in_order(task: Task, files: str):
    documents, images = task.get_files(), task.get_images()
    assert [type(document) for document in documents] == [File, File]
    assert [document.url for document in documents] == [f"{files}/one.pdf", f"{files}/two.PDF?page=1"]
    assert {document.mime_type for document in documents} == {"application/pdf"}
    assert [type(image) for image in images] == [Image, Image]
    assert [image.url for image in images] == [f"{files}/photo.png", f"{files}/scan.jpeg"]


def test_a_task_without_files_gives_empty_lists(emulator: Emulator, configuration: Configuration):
    task = Tasks(configuration).create("agent-123", prompt="Hi")
    assert task.get_files() == task.get_images() == []


@pytest.mark.parametrize("way", ["sync", "async"])
def test_the_documented_handler_runs_with_a_real_agent(emulator: Emulator, task: Task, files: str, way: str):
    model = StubModel()
    args = {"model": model, "instructions": "Be brief.", "telemetry": False}

    async def handler(task: Task) -> Task:
        agno_agent = AgnoAgent(**args)
        message = task.to_message() if way == "sync" else await task.ato_message()
        result = await agno_agent.arun(input=message, files=task.get_files(), images=task.get_images())
        task.result = result.content
        return task

    task = asyncio.run(handler(task))
    task.set_status(AgentExecutionStatus.Completed)

    assert emulator.task(task.id)["result"] == "All is well."
    question = model.question()
    assert question.content.startswith("What do these say?\nFiles: ")
    assert question.content.splitlines()[-1] == f'{{"url": "{files}/table.csv", "content": "id,name\\n1,Ada\\n"}}'
    assert [document.url for document in question.files] == [f"{files}/one.pdf", f"{files}/two.PDF?page=1"]
    assert [image.url for image in question.images] == [f"{files}/photo.png", f"{files}/scan.jpeg"]
