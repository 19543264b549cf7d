"""Load certificate authorities before a fork, where they are the usual ones and the children will need them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from xpander_facade import Backend, Configuration, OutboxSettings
from xpander_facade._transport.pool_registry import pools_for
from xpander_facade._transport.routing import Origin, ssl_context
from xpander_facade.integrations import lambda_
from xpander_facade.integrations._jobs import Jobs

ORIGIN = Origin(b"https", b"platform.invalid", 443)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What contexts are made with from now on."""
    made: list[dict[str, Any]] = []
    create = ssl.create_default_context

    def note(**given: Any) -> ssl.SSLContext:
        made.append(given)
        return create(**given)

    monkeypatch.setattr(ssl, "create_default_context", note)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    ssl_context.cache_clear()
    return made


def configured(**given: Any) -> Configuration:
    return Configuration(**{"api_key": "k", "base_url": "https://platform.invalid", "agent_id": "a", **given})


def prepare_jobs(backend: Backend) -> None:
    Jobs(backend).prepare()


def prepare_a_handler(backend: Backend) -> None:
    lambda_.handler(backend)(lambda event, context: None)


@pytest.mark.parametrize("prepare", [prepare_jobs, prepare_a_handler])
def test_what_has_prepared_for_jobs_has_loaded_what_their_connections_need(prepare: Any, loaded: list[dict[str, Any]]):
    configuration = configured()
    prepare(Backend(configuration))
    assert len(loaded) == 1
    assert pools_for(configuration).pool_for(ORIGIN)
    assert len(loaded) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"base_url": "http://platform.invalid"},
        {"verify": str(Path(__file__).parents[2] / "e2e" / "certificates" / "authority.pem")},
        {"verify": False},
        {"cert": "client.pem"},
        {"disabled": True},
        {"http_client": httpx.Client},
    ],
    ids=str,
)
def test_nothing_is_loaded_that_may_be_renewed_or_is_not_needed(given: dict[str, Any], loaded: list[dict[str, Any]]):
    prepare_jobs(Backend(configured(**given)))
    assert loaded == []


def test_nothing_is_loaded_where_the_environment_names_a_file(
    loaded: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(Path(__file__).parents[2] / "e2e" / "certificates" / "authority.pem"))
    prepare_jobs(Backend(configured()))
    assert loaded == []


def test_nothing_is_loaded_where_a_relay_sends(loaded: list[dict[str, Any]], tmp_path: Path):
    prepare_jobs(Backend(configured(outbox=OutboxSettings(tmp_path / "runs.db", relay="process"))))
    assert loaded == []


def test_certificates_that_can_not_be_loaded_are_left_to_the_call_that_needs_them(
    loaded: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    def fail(**_: object) -> ssl.SSLContext:
        raise FileNotFoundError("cacert.pem")

    monkeypatch.setattr(ssl, "create_default_context", fail)
    prepare_jobs(Backend(configured()))
