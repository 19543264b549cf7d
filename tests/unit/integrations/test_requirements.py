"""What an integration needs is checked when it is used, and what is missing is named."""

import importlib.metadata
import pickle
import sys

import pytest

from xpander_facade import ConfigurationError, IntegrationError, XpanderError, integrations
from xpander_facade.integrations._requirements import require


def test_an_installed_library_is_imported():
    assert require("json", distribution="attrs", oldest="1", integration="integrations.x") is sys.modules["json"]


def test_a_missing_library_is_named_with_what_installs_it():
    with pytest.raises(IntegrationError) as raised:
        require("no_such_runner", distribution="no-such-runner", oldest="5.3", integration="integrations.runner")
    assert str(raised.value) == (
        "integrations.runner needs no-such-runner 5.3 or newer, which is not installed: "
        "pip install --upgrade 'xpander-facade[runner]', or '.[runner]' in the checkout"
    )


def test_a_part_of_an_installed_library_that_is_missing_is_not_installed_either():
    with pytest.raises(IntegrationError, match="which is not installed"):
        require("no_such.part.below", distribution="no-such", integration="integrations.lambda_")


def test_a_library_that_misses_something_itself_tells_what(tmp_path, monkeypatch):
    (tmp_path / "broken_runner.py").write_text("import its_own_need\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(IntegrationError, match=r"can't be imported \(No module named 'its_own_need'\)"):
        require("broken_runner", distribution="broken-runner", integration="integrations.runner")


def test_a_library_that_can_not_be_imported_tells_why(tmp_path, monkeypatch):
    (tmp_path / "half_runner.py").write_text("from json import no_such_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(IntegrationError, match=r"can't be imported \(cannot import name 'no_such_name'"):
        require("half_runner", distribution="half-runner", integration="integrations.runner")


@pytest.mark.parametrize(
    ("found", "oldest", "is_enough"),
    [
        ("5.3.0", "5.3", True),
        ("5.2.9", "5.3", False),
        ("5.10", "5.9", True),
        ("6.0.0rc1", "6", True),
        ("4", "4.0.1", False),
        ("unknown", "1", False),
    ],
)
def test_a_release_is_compared_by_its_numbers(monkeypatch, found, oldest, is_enough):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: found)
    if is_enough:
        require("json", distribution="runner", oldest=oldest, integration="integrations.runner")
    else:
        with pytest.raises(IntegrationError, match=f"{oldest} or newer, and {found} is installed"):
            require("json", distribution="runner", oldest=oldest, integration="integrations.runner")


def test_a_library_without_a_distribution_of_its_name_is_taken():
    assert require("json", distribution="no-such-runner", oldest="9", integration="integrations.x")


def test_it_is_an_error_of_configuration_that_can_be_pickled():
    error = pickle.loads(pickle.dumps(IntegrationError("celery is too old")))
    assert isinstance(error, ConfigurationError)
    assert isinstance(error, XpanderError)
    assert str(error) == "celery is too old"


def test_an_unknown_integration_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such"):
        _ = integrations.no_such


def test_the_integrations_are_listed_sorted_and_load_by_their_names():
    assert integrations.__all__ == sorted(integrations.__all__)
    assert {*integrations.__all__} <= {*dir(integrations)}
    for name in integrations.__all__:
        assert getattr(integrations, name).__name__ == f"xpander_facade.integrations.{name}"
