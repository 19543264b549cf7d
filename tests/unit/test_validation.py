"""Test the checks of arguments: what passes, what is refused with which class, and that the text names the argument."""

import decimal
import fractions

import pytest

from xpander_facade import _validation
from xpander_facade.types.enums import AgentExecutionStatus
from xpander_facade.types.models import Attachment, Principal, check_principal
from xpander_facade.usage._tokens import Tokens, check_tokens


@pytest.mark.parametrize("value", ["a", "a/b", "..a", "ünïcode", AgentExecutionStatus.Pending, "a b"])
def test_an_id_is_any_text_that_says_something(value):
    assert _validation.check_id("task_id", value) == value


@pytest.mark.parametrize(
    ("value", "error"),
    [("", ValueError), ("  ", ValueError), (".", ValueError), ("..", ValueError), (None, TypeError), (5, TypeError)],
)
def test_an_id_that_is_no_path_segment_is_refused(value, error):
    with pytest.raises(error, match="task_id"):
        _validation.check_id("task_id", value)


@pytest.mark.parametrize("value", [None, "", "text"])
def test_a_text_may_be_none_or_empty(value):
    assert _validation.check_text("result", value) == value


@pytest.mark.parametrize("value", [5, b"x", ["a"], {"a": 1}, True])
def test_a_text_of_another_type_is_refused_with_the_remedy(value):
    with pytest.raises(TypeError, match=r"result must be a string.*json\.dumps"):
        _validation.check_text("result", value)


@pytest.mark.parametrize("value", [True, False])
def test_a_flag_is_true_or_false(value):
    assert _validation.check_flag("is_success", value) is value


@pytest.mark.parametrize("value", [None, 0, 1, "true", "", []])
def test_what_only_looks_like_a_flag_is_refused(value):
    with pytest.raises(TypeError, match="is_success"):
        _validation.check_flag("is_success", value)


@pytest.mark.parametrize("value", [0, 0.0, 1, 4.7, decimal.Decimal("1.5"), fractions.Fraction(1, 3), 1e300])
def test_seconds_are_any_number_that_is_not_negative(value):
    assert _validation.check_seconds("duration", value) == float(value)
    assert type(_validation.check_seconds("duration", value)) is float


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (-1, ValueError),
        (-0.001, ValueError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        (decimal.Decimal("NaN"), ValueError),
        pytest.param(10**400, ValueError, id="too large for a float"),
        (None, TypeError),
        ("3", TypeError),
        (True, TypeError),
        ([], TypeError),
        (1j, TypeError),
    ],
)
def test_seconds_that_are_negative_not_finite_or_no_number_are_refused(value, error):
    with pytest.raises(error, match="duration"):
        _validation.check_seconds("duration", value)


def test_an_interval_is_more_than_zero():
    assert _validation.check_interval("poll_interval", 0.5) == 0.5
    with pytest.raises(ValueError, match="poll_interval"):
        _validation.check_interval("poll_interval", 0)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, []),
        ([], []),
        (["a", "b"], ["a", "b"]),
        (("a",), ["a"]),
        ((name for name in "ab"), ["a", "b"]),
        ({"a": 1}.keys(), ["a"]),
    ],
)
def test_names_are_any_iterable_of_strings_and_none_means_none(value, names):
    assert _validation.check_names("used_tools", value) == names


@pytest.mark.parametrize("value", ["search", b"search", 5, [1], ["a", None]])
def test_a_bare_string_is_no_list_of_names(value):
    with pytest.raises(TypeError, match="used_tools"):
        _validation.check_names("used_tools", value)


def test_the_list_of_names_is_a_copy():
    names = ["a"]
    assert _validation.check_names("used_tools", names) is not names


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        (None, None),
        (Tokens(1, 2), Tokens(1, 2)),
        ({"prompt_tokens": 1}, Tokens(1)),
        ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, Tokens(1, 2)),
        ({"cache_read_tokens": 4, "prompt_tokens": None}, Tokens(cache_read_tokens=4)),
    ],
)
def test_tokens_are_tokens_or_a_mapping(value, tokens):
    assert check_tokens(value) == tokens


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (5, TypeError),
        ("5", TypeError),
        ([1, 2], TypeError),
        ({}, ValueError),
        ({"input": 1}, ValueError),
        ({"prompt_tokens": -1}, ValueError),
        ({"prompt_tokens": "1"}, ValueError),
        ({"prompt_tokens": 1.5}, ValueError),
    ],
)
def test_other_tokens_are_refused(value, error):
    with pytest.raises(error, match="tokens"):
        check_tokens(value)


@pytest.mark.parametrize("value", ["\ud800", "a\udfff", "\ud83d a"])
def test_an_id_with_half_a_surrogate_pair_is_refused_with_a_word_of_what_it_is(value):
    with pytest.raises(ValueError, match="task_id holds half a surrogate pair") as caught:
        _validation.check_id("task_id", value)
    assert type(caught.value) is ValueError


@pytest.mark.parametrize("id", [None, "u-1", "a@b.c", "\u017dofia"])
def test_a_principal_may_have_an_id_that_the_platform_takes(id):
    principal = Principal("user", id)
    assert check_principal(principal) is principal
    assert check_principal(None) is None


@pytest.mark.parametrize("id", ["", " ", "a:b", "a b", "a\tb", "a\u00a0b", "a\n", "\ud800"])
def test_a_principal_with_another_id_is_refused(id):
    with pytest.raises(ValueError, match=r"principal\.id"):
        check_principal(Principal("user", id))


@pytest.mark.parametrize("value", ["user", {"kind": "user"}, 5, Principal("user", 5)])
def test_what_is_no_principal_is_refused(value):
    with pytest.raises(TypeError, match="principal"):
        check_principal(value)


@pytest.mark.parametrize("value", [[], (), None])
def test_no_instances_are_an_empty_list(value):
    assert _validation.check_instances("attachments", value, Attachment) == []


@pytest.mark.parametrize("value", ["", b"", {}, "a", {"url": "u"}, 5, Attachment("u"), ["u"], [None]])
def test_what_is_no_list_of_instances_is_refused(value):
    with pytest.raises(TypeError, match="attachments must be a list of Attachment"):
        _validation.check_instances("attachments", value, Attachment)


@pytest.mark.parametrize(("value", "text"), [(None, None), (3, "3"), ("3", "3"), ("draft-2", "draft-2")])
def test_a_version_is_a_number_or_a_short_name(value, text):
    assert _validation.check_version(value) == text


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("", ValueError),
        ("a\nb", ValueError),
        ("\u017d", ValueError),
        (True, TypeError),
        (3.0, TypeError),
        ([3], TypeError),
    ],
)
def test_another_version_is_refused(value, error):
    with pytest.raises(error, match="version"):
        _validation.check_version(value)
