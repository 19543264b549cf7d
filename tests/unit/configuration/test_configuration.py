"""Test Configuration against the platform's URL rules, the order of its sources, and its silence about the key."""

import copy
import pickle
import ssl

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade.configuration import Configuration
from xpander_facade.configuration._outbox_settings import OutboxSettings
from xpander_facade.configuration._retry_event import RetryEvent
from xpander_facade.configuration._urls import CLOUD_URL, STAGING_URL, is_loopback
from xpander_facade.errors import ConfigurationError

KEY = "xp-s3cr3t-key"
VARIABLES = (
    "XPANDER_API_KEY",
    "XPANDER_ORGANIZATION_ID",
    "XPANDER_BASE_URL",
    "XPANDER_AGENT_ID",
    "XPANDER_ALLOW_INSECURE_HTTP",
    "IS_STG",
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def made(**values):
    return Configuration(**{"api_key": KEY, "organization_id": "org-1", **values})


ORGANISED = [
    "https://agent-controller.acme.example",
    "https://agent-controller.xpander.ai",
    "https://AGENT-CONTROLLER.acme.example",
    "https://my-agent-controller.acme.example",
    "https://agent-controller.acme.example/base",
    "http://localhost:9016",
    "http://127.0.0.1:9016/v1",
    "http://[::1]:9016",
    "https://x.example/agent-controller",
    "https://x.example/agent-controller/v2",
    "https://x.example//agent-controller",
]
PLAIN = [
    CLOUD_URL,
    STAGING_URL,
    "https://x.example",
    "https://x.example/agent-controllers",
    "https://x.example/my-agent-controller",
    "https://x.example/api/agent-controller",
    "http://localhost:8085",
    "http://localhost:19016",
    "https://x.example/9016",
    "https://x.example/path:9016",
]


@pytest.mark.parametrize("url", ORGANISED)
def test_the_organisation_is_appended_where_host_port_or_first_segment_asks_for_it(url):
    assert made(base_url=url).get_full_url() == f"{url}/org-1"


@pytest.mark.parametrize("url", PLAIN)
def test_the_organisation_is_appended_nowhere_else(url):
    assert made(base_url=url).get_full_url() == url


def test_a_port_that_no_machine_has_is_refused():
    with pytest.raises(ConfigurationError, match="base_url"):
        made(base_url="http://localhost:90160")


def test_a_query_is_refused_and_so_can_never_look_like_a_controller():
    with pytest.raises(ConfigurationError, match="query"):
        made(base_url="https://example.com/?agent-controller")


@pytest.mark.parametrize("url", PLAIN[:4])
def test_no_organisation_is_needed_where_the_url_does_not_hold_it(url):
    assert Configuration(api_key=KEY, base_url=url).get_full_url() == url


@pytest.mark.parametrize("url", ORGANISED[:3])
def test_a_missing_organisation_is_told_when_the_url_is_asked_for_and_names_the_remedy(url):
    configuration = Configuration(api_key=KEY, base_url=url)
    with pytest.raises(ConfigurationError, match="XPANDER_ORGANIZATION_ID"):
        configuration.get_full_url()


@pytest.mark.parametrize(
    ("url", "events"),
    [
        ("https://inbound.xpander.ai", "https://agent-controller.xpander.ai/org-1"),
        ("https://INBOUND.xpander.ai", "https://agent-controller.xpander.ai/org-1"),
        ("https://inbound.stg.xpander.ai", "https://agent-controller.stg.xpander.ai/org-1"),
        ("http://localhost:8085", "http://localhost:9016/org-1"),
        ("http://127.0.0.1:8085", "http://localhost:9016/org-1"),
        ("http://[::1]:8085", "http://localhost:9016/org-1"),
        ("http://localhost:8787", "http://localhost:8787/org-1"),
        ("https://x.example:8085", "https://x.example:8085/org-1"),
        ("https://x.example/api", "https://x.example/api/org-1"),
        ("https://agent-controller.acme.example", "https://agent-controller.acme.example/org-1"),
        ("https://x.example/inbound.xpander.ai", "https://x.example/inbound.xpander.ai/org-1"),
        ("https://not-inbound.xpander.ai", "https://not-inbound.xpander.ai/org-1"),
    ],
)
def test_event_streams_live_under_their_own_root_and_always_with_the_organisation(url, events):
    assert made(base_url=url).get_events_url() == events


def test_event_streams_need_an_organisation_everywhere():
    with pytest.raises(ConfigurationError, match="organization_id="):
        Configuration(api_key=KEY).get_events_url()


def test_the_organisation_is_escaped_in_the_path():
    configuration = made(organization_id="a/b ?c", base_url="http://localhost:9016")
    assert configuration.get_full_url() == "http://localhost:9016/a%2Fb%20%3Fc"


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("x.example", "https://x.example"),
        ("localhost:8787", "https://localhost:8787"),
        ("http://x.example", "http://x.example"),
        ("https://x.example/", "https://x.example"),
        ("https://x.example/api//", "https://x.example/api"),
        ("  https://x.example  ", "https://x.example"),
    ],
)
def test_a_base_url_gets_a_scheme_and_loses_its_last_slash(given_url, url):
    assert Configuration(base_url=given_url).base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.example",
        "https://",
        "https:///path",
        "https://[::1",
        "https://x.example:port",
        "https://x.example/?a=1",
        "https://x.example?",
        "https://x.example/#",
        "https://x.example/#top",
        "https://x.example/a b",
        7,
    ],
)
def test_a_malformed_base_url_is_refused(url):
    with pytest.raises(ConfigurationError, match="base_url"):
        Configuration(base_url=url)


@pytest.mark.parametrize("url", ["https://user:pass@x.example", "https://user@x.example", "https://:pa55@x.example"])
def test_a_user_in_the_base_url_is_refused_without_being_quoted(url):
    with pytest.raises(ConfigurationError, match="api_key=") as caught:
        Configuration(base_url=url)
    assert "pa" not in str(caught.value).replace("pass the key", "").replace("password", "")


@pytest.mark.parametrize(
    ("attribute", "variable", "default"),
    [
        ("api_key", "XPANDER_API_KEY", None),
        ("organization_id", "XPANDER_ORGANIZATION_ID", None),
        ("base_url", "XPANDER_BASE_URL", CLOUD_URL),
    ],
)
def test_an_argument_goes_before_the_environment_and_that_before_the_default(monkeypatch, attribute, variable, default):
    assert getattr(Configuration(), attribute) == default
    monkeypatch.setenv(variable, "")
    assert getattr(Configuration(), attribute) == default
    monkeypatch.setenv(variable, "  ")
    assert getattr(Configuration(), attribute) == default
    monkeypatch.setenv(variable, "https://from.environment")
    assert getattr(Configuration(), attribute) == "https://from.environment"
    assert getattr(Configuration(**{attribute: ""}), attribute) == "https://from.environment"
    assert getattr(Configuration(**{attribute: "https://from.argument"}), attribute) == "https://from.argument"


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_explicitly_empty_base_url_never_falls_back_to_the_cloud(monkeypatch, empty):
    with pytest.raises(ConfigurationError, match="XPANDER_BASE_URL"):
        Configuration(base_url=empty)
    monkeypatch.setenv("IS_STG", "true")
    with pytest.raises(ConfigurationError, match="base_url"):
        Configuration(base_url=empty)
    monkeypatch.setenv("XPANDER_BASE_URL", "")
    with pytest.raises(ConfigurationError):
        Configuration(base_url=empty)
    monkeypatch.setenv("XPANDER_BASE_URL", "https://private.example")
    assert Configuration(base_url=empty).base_url == "https://private.example"


@pytest.mark.parametrize(
    ("flag", "url"),
    [("true", STAGING_URL), ("True", STAGING_URL), ("false", CLOUD_URL), ("", CLOUD_URL), ("0", CLOUD_URL)],
)
def test_the_staging_cloud_is_chosen_by_is_stg(monkeypatch, flag, url):
    monkeypatch.setenv("IS_STG", flag)
    assert Configuration().base_url == url


def test_a_given_url_goes_before_is_stg(monkeypatch):
    monkeypatch.setenv("IS_STG", "true")
    assert Configuration(base_url="https://x.example").base_url == "https://x.example"
    monkeypatch.setenv("XPANDER_BASE_URL", "https://y.example")
    assert Configuration().base_url == "https://y.example"


def test_the_agent_is_the_explicit_one_else_the_environments_at_the_time_of_the_call(monkeypatch):
    configuration = Configuration()
    monkeypatch.setenv("XPANDER_AGENT_ID", "agent-env")
    assert configuration.agent_id is None
    assert configuration.get_agent_id() == "agent-env"
    assert Configuration(agent_id="agent-arg").get_agent_id() == "agent-arg"
    assert Configuration(agent_id="").get_agent_id() == "agent-env"
    monkeypatch.setenv("XPANDER_AGENT_ID", " ")
    with pytest.raises(ConfigurationError, match="XPANDER_AGENT_ID"):
        configuration.get_agent_id()


def test_nothing_remembers_an_old_environment(monkeypatch):
    monkeypatch.setenv("XPANDER_API_KEY", "one")
    assert Configuration().api_key == "one"
    monkeypatch.setenv("XPANDER_API_KEY", "two")
    assert Configuration().api_key == "two"


def test_making_one_needs_neither_key_nor_organisation_but_asking_for_the_key_does():
    configuration = Configuration()
    with pytest.raises(ConfigurationError, match="no API key: pass api_key= or set XPANDER_API_KEY"):
        configuration.get_api_key()
    assert isinstance(ConfigurationError(""), ValueError)


def test_the_key_never_travels_in_the_clear_to_another_machine_unless_that_is_allowed(monkeypatch):
    with pytest.raises(ConfigurationError, match="XPANDER_ALLOW_INSECURE_HTTP"):
        made(base_url="http://x.example").get_api_key()
    for url in ("https://x.example", "http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"):
        assert made(base_url=url).get_api_key() == KEY
    assert made(base_url="http://x.example", allow_insecure_http=True).get_api_key() == KEY
    monkeypatch.setenv("XPANDER_ALLOW_INSECURE_HTTP", "true")
    assert made(base_url="http://x.example").get_api_key() == KEY
    with pytest.raises(ConfigurationError):
        made(base_url="http://x.example", allow_insecure_http=False).get_api_key()


@pytest.mark.parametrize("key", ["k\ney", "kéy", "key\x00"])
def test_a_key_that_can_be_no_header_is_refused_without_being_quoted(key):
    with pytest.raises(ConfigurationError) as caught:
        Configuration(api_key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize("name", ["api_key", "organization_id", "agent_id", "base_url"])
def test_a_text_of_another_type_is_refused(name):
    with pytest.raises(ConfigurationError, match=name):
        Configuration(**{name: 5})


@pytest.mark.parametrize("name", ["timeout", "deadline"])
@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), None, "3", True])
def test_a_time_limit_is_positive_and_finite(name, value):
    with pytest.raises(ConfigurationError, match=name):
        Configuration(**{name: value})


@pytest.mark.parametrize("value", [-1, 1.5, "2", None, True])
def test_max_retries_is_a_whole_number_that_is_not_negative(value):
    with pytest.raises(ConfigurationError, match="max_retries"):
        Configuration(max_retries=value)


def test_the_defaults_are_those_of_the_documentation():
    configuration = Configuration()
    assert (configuration.timeout, configuration.max_retries, configuration.deadline) == (30.0, 2, 120.0)
    assert configuration.verify is True


def test_equal_values_make_equal_configurations_with_equal_hashes():
    one, same, other = made(timeout=3), made(timeout=3.0), made(timeout=4)
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != made(timeout=3, api_key="another")
    assert len({one, same, other}) == 2


def test_a_configuration_is_frozen():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made().api_key = "x"


def test_the_key_shows_in_no_text_of_a_configuration():
    configuration = made()
    for text in (repr(configuration), str(configuration), f"{configuration}", f"{[configuration]}"):
        assert KEY not in text


def test_a_pickle_leaves_the_key_out_and_reads_it_where_it_is_loaded(monkeypatch):
    configuration = made(base_url="https://x.example", timeout=7, max_retries=5, agent_id="a", deadline=9)
    data = pickle.dumps(configuration)
    assert KEY.encode() not in data
    monkeypatch.setenv("XPANDER_API_KEY", "the-other-process's")
    loaded = pickle.loads(data)
    assert loaded == attrs.evolve(configuration, api_key="the-other-process's")


def test_a_copy_is_the_same_object_and_so_keeps_its_key():
    configuration = made(verify=ssl.create_default_context())
    assert copy.copy(configuration) is configuration
    assert copy.deepcopy({"c": configuration})["c"] is configuration


def test_a_hook_is_told_of_in_no_repr():
    def hook(event: RetryEvent) -> None: ...

    assert "hook" not in repr(made(on_retry=hook))


@pytest.mark.parametrize(
    ("host", "is_one"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("x", False)],
)
def test_loopback_hosts_are_known(host, is_one):
    assert is_loopback(host) is is_one


@given(st.text(max_size=40))
def test_any_text_as_base_url_makes_a_configuration_or_a_configuration_error(text):
    try:
        configuration = Configuration(api_key=KEY, organization_id="o", base_url=text)
    except ConfigurationError:
        return
    assert configuration.get_full_url().startswith(configuration.base_url)
    assert "?" not in configuration.get_events_url()


class AsyncRedactor:
    async def __call__(self, field, text):
        return text


@pytest.mark.parametrize("redact", [AsyncRedactor().__call__, AsyncRedactor()])
def test_an_async_redactor_is_refused(redact):
    with pytest.raises(ConfigurationError, match="plain function"):
        Configuration(redact=redact)


@pytest.mark.parametrize("given", [{"path": "a\0b"}, {"path": "runs.db", "rate": f"1{'0' * 400}/minute"}])
def test_an_outbox_that_could_not_work_is_refused_at_once(given):
    with pytest.raises(ConfigurationError):
        OutboxSettings(**given)
