"""Conditions on a field: as written, as a predicate, and whether they can ever hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.events.model import (
    CUSTOMER_EVENTS,
    ContactReplyData,
    MentionData,
    ReviewData,
    SurveyData,
    VisitData,
    data_type,
)
from pipeline.rules.condition import Comparison, limit, parse
from pipeline.rules.fields import Field, field_of, known
from tests.chance import examples

SIGNS = ["<", "<=", ">", ">=", "=", "!="]


@pytest.mark.parametrize(
    ("written", "comparison"),
    [
        (3, Comparison("=", 3)), (1.5, Comparison("=", 1.5)), (True, Comparison("=", True)), ("web", Comparison("=", "web")),
        ("", Comparison("=", "")), ("<= 6", Comparison("<=", 6)), ("<=6", Comparison("<=", 6)), (" >  -2.5 ", Comparison(">", -2.5)),
        ("== 3", Comparison("=", 3)), ("= 3", Comparison("=", 3)), ("!= web", Comparison("!=", "web")), ("!= true", Comparison("!=", True)),
        ("= 1e2", Comparison("=", 100.0)), ("< .5", Comparison("<", 0.5)), ("= nan", Comparison("=", "nan")),
        ("= 1_000", Comparison("=", "1_000")),  ([1, 2], Comparison("in", (1, 2))),
        (["web"], Comparison("in", ("web",))),
    ],
)  # fmt: skip
def test_a_condition_is_read(written: object, comparison: Comparison) -> None:
    found = parse(written)
    assert found == comparison
    assert type(found.right) is type(comparison.right)


def test_digits_behind_a_sign_are_a_text_where_the_field_is_one() -> None:
    assert parse("= 12", text=True) == Comparison("=", "12")
    assert parse("!= true", text=True) == Comparison("!=", "true")


@pytest.mark.parametrize(
    "written",
    [
        None,
        {},
        {"not": 3},
        [],
        [None],
        [[1]],
        [{"a": 1}],
        ["< 3"],
        "< few",
        "> 1,5",
        "< 20%",
        "=> 3",
        "≤ 3",
        "<> 3",
        "< nan",
    ],
)
def test_what_is_no_condition_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"write|expected"):
        parse(written)


@pytest.mark.parametrize(
    ("written", "holds_for", "not_for"),
    [
        (3, [3, 3.0], [2, None, "3"]),
        ("= web", ["web"], ["app", None, 3]),
        ("!= web", ["app", None, 3], ["web"]),
        ("<= 6", [6, 0, -1.5], [6.01, 7, None, "5", True, False]),
        ("< 6", [5.99], [6, None]),
        (">= 6", [6, 7], [5, None, "7"]),
        ("> 6", [6.5], [6, None]),
        (["web", "app"], ["web", "app"], ["phone", None]),
        (True, [True], [False, None]),
    ],
)
def test_a_missing_field_passes_not_equal_alone_and_a_text_has_no_order(
    written: object, holds_for: list[Any], not_for: list[Any]
) -> None:
    test = parse(written).test()
    assert [value for value in holds_for if not test(value)] == []
    assert [value for value in not_for if test(value)] == []


@pytest.mark.parametrize(
    ("written", "text", "words"),
    [
        ("<= 6", "<= 6", "at most 6"), (">= 6", ">= 6", "at least 6"), ("< 6", "< 6", "below 6"), ("> 6", "> 6", "above 6"),
        (6, "= 6", "exactly 6"), ("!= web", "!= web", "not web"), (["web", 3], "one of web, 3", "one of web, 3"),
    ],
)  # fmt: skip
def test_a_condition_is_said_in_words(written: object, text: str, words: str) -> None:
    found = parse(written)
    assert (str(found), found.words) == (text, words)


@examples(200)
@given(st.sampled_from(SIGNS), st.integers(-100, 100) | st.floats(-100, 100).map(lambda x: round(x, 3)))
def test_what_is_written_is_read_back(sign: str, right: float) -> None:
    found = Comparison(sign, right)
    assert parse(str(found)) == found


@pytest.mark.parametrize("written", ["< 20", ">= -0.5", "= 3", "!= 0"])
def test_a_limit_is_a_comparison_with_a_number(written: str) -> None:
    assert limit(written, "< 20") == parse(written)


@pytest.mark.parametrize("written", [20, True, None, "", "20", "low", "= web", "= true", ["< 20"], {}])
def test_what_is_no_limit_is_refused_with_an_example(written: object) -> None:
    with pytest.raises(ValueError, match='write for example "< 20"'):
        limit(written, "< 20")


# --- fields -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "name", "says"),
    [
        (SurveyData, "nps", "a whole number from 0 to 10"),
        (SurveyData, "goal_reached", "true or false"),
        (SurveyData, "channel", "a text"),
        (SurveyData, "attributes", "a map"),
        (ReviewData, "rating", "a number from 1 to 5"),
        (VisitData, "emotion", "a number from -2 to 2"),
        (VisitData, "outcome", "abandoned, completed or failed"),
        (VisitData, "duration_s", "a number from 0 on"),
        (MentionData, "reach", "a whole number from 0 on"),
        (ContactReplyData, "answered_by", "human or menu"),
    ],
)
def test_a_field_says_what_it_is(data: Any, name: str, says: str) -> None:
    assert str(field_of(data, name)) == says


@pytest.mark.parametrize("event", CUSTOMER_EVENTS)
def test_every_field_of_every_event_is_known(event: Any) -> None:
    data = data_type(event)
    for name in data.__struct_fields__:
        assert known(data, name)
        assert isinstance(field_of(data, name), Field)
    assert known(data, "attributes.own")
    assert not known(data, "attributes.")
    assert not known(data, "nothing")


def accepted(field: Field, written: object) -> bool:
    try:
        field.condition(written)
    except ValueError:
        return False
    return True


@examples(300)
@given(st.sampled_from(SIGNS), st.integers(-3, 14) | st.sampled_from([-0.5, 0.5, 9.5, 10.5]))
def test_a_condition_is_accepted_exactly_if_some_answer_meets_it(sign: str, right: float) -> None:
    field, test = field_of(SurveyData, "nps"), parse(f"{sign} {right}").test()
    answers = range(11)
    # A value that is never there is refused behind != too: who writes that means something else.
    possible = right in answers if sign == "!=" else any(test(answer) for answer in answers)
    assert accepted(field, f"{sign} {right}") == possible


@examples(100)
@given(st.lists(st.integers(-2, 12), min_size=1, max_size=4))
def test_a_list_is_accepted_if_all_of_it_is_possible(values: list[int]) -> None:
    assert accepted(field_of(SurveyData, "nps"), values) == all(0 <= value <= 10 for value in values)


@pytest.mark.parametrize(
    ("data", "name", "right", "wrong"),
    [
        (SurveyData, "goal_reached", [True, "= false", "!= true"], [1, "true", "yes", "> 0"]),
        (SurveyData, "channel", ["web", "= 12", "!= web", ["a", "b"], ""], [5, True, "> 3", [1]]),
        (SurveyData, "survey_id", ["s"], ["", 5]),
        (VisitData, "outcome", ["failed", "!= failed", ["failed", "completed"]], ["done", 3, "> failed", ["done"]]),
        (ReviewData, "rating", ["< 1.5", 4.5, "= 5", ["1", 5][1:]], ["< 1", "> 5", 0, "4", True]),
        (VisitData, "duration_s", ["> 1000000", ">= 0", "<= 0"], ["< 0", -1]),
        (SurveyData, "attributes.any", ["> 5", 5, "x", True, [1, "x"]], [None, {}, "> x"]),
        (SurveyData, "attributes", [], ["x", 5]),
    ],
)  # fmt: skip
def test_a_value_has_to_be_one_that_the_field_can_have(
    data: Any, name: str, right: list[Any], wrong: list[Any]
) -> None:
    field = field_of(data, name)
    assert [one for one in right if not accepted(field, one)] == []
    assert [one for one in wrong if accepted(field, one)] == []
