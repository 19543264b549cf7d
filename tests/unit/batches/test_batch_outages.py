"""A batch and a platform that is not there: one broken connection holds up nobody, several hold up all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xpander_facade import APIConnectionError, Configuration
from xpander_facade.batches._batch import Batch, Job
from xpander_facade.batches._options import make_options
from xpander_facade.batches._sources import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def batch() -> Iterator[Batch]:
    configuration = Configuration(api_key="key-1", organization_id="org-1", agent_id="agent-1")
    options = make_options(
        configuration, concurrency=16, on_error="collect", rate=None, checkpoint=None, batch_id=None, columns=None,
        progress=None, on_failed=None, dry_run=False,
    )  # fmt: skip
    source = open_source([{"id": f"run-{number}"} for number in range(50)], {})
    batch = Batch(options, source, 0.0)
    batch.accept(batch.prepare(list(source.entries())))
    yield batch
    batch.close()


def next_job(batch: Batch) -> Job:
    job = batch.next(1.0)
    assert isinstance(job, Job)
    return job


def broken() -> APIConnectionError:
    return APIConnectionError("the connection broke")


def test_a_connection_that_breaks_alone_holds_up_nobody(batch: Batch, caplog: pytest.LogCaptureFixture):
    for _ in range(20):
        first, second = next_job(batch), next_job(batch)
        batch.settle(first, broken(), 1.0)
        batch.settle(second, None, 1.0)
        assert next_job(batch).report.id == first.report.id
        batch.settle(first, None, 1.0)
    assert caplog.records == []


def test_a_platform_that_is_away_holds_up_all(batch: Batch, caplog: pytest.LogCaptureFixture):
    jobs = [next_job(batch) for _ in range(10)]
    for job in jobs:
        batch.settle(job, broken(), 1.0)
    wait = batch.next(1.0)
    assert isinstance(wait, float)
    assert wait == 1.0
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == [
        "batch of record: waiting for the platform"
    ]
    assert isinstance(batch.next(2.0), Job)
