"""Rules are found by the values that they name, and none is missed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.events.model import SurveyAnswered, SurveyData
from pipeline.rules.condition import parse
from pipeline.rules.index import FEW, Handler, Index
from pipeline.rules.pattern import Either, Pattern, Term
from tests.chance import examples

PLACES = ("cart", "home", "shop")
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "touchpoint": st.one_of(
        st.sampled_from(PLACES), st.lists(st.sampled_from(PLACES), min_size=1), st.just("!= home")
    ),
    "channel": st.sampled_from(["web", "app"]),
    "nps": st.one_of(st.integers(0, 3), st.sampled_from(["<= 2", "> 1", "!= 0"])),
    "goal_reached": st.booleans(),
    "attributes.store": st.sampled_from([1, "1", 1.0, True, "x"]),
}
TERMS = st.fixed_dictionaries({}, optional=FIELDS).map(
    lambda written: tuple(
        Term(name, parse(value, text=name == "touchpoint")) for name, value in written.items()
    )
)
EITHER = st.lists(TERMS, min_size=1, max_size=3).map(lambda ways: (Either(tuple(ways)),))
PATTERNS = st.builds(
    lambda terms, either: Pattern(SurveyAnswered, terms + either), TERMS, st.one_of(st.just(()), EITHER)
)
DATA = st.builds(
    SurveyData,
    touchpoint=st.sampled_from([None, *PLACES]),
    channel=st.sampled_from([None, "web", "app"]),
    nps=st.sampled_from([None, 0, 1, 2, 3]),
    csat=st.just(3),
    goal_reached=st.sampled_from([None, True, False]),
    attributes=st.sampled_from([None, {}, {"store": 1}, {"store": "1"}, {"store": True}]),
)


def handler(number: int) -> Handler:
    def handle(*_: object) -> None:
        raise AssertionError(number)

    return handle


@examples(300)
@given(patterns=st.lists(st.one_of(st.none(), PATTERNS), min_size=1, max_size=40), data=DATA)
def test_no_rule_is_missed_and_they_come_in_their_order(
    patterns: list[Pattern | None], data: SurveyData
) -> None:
    handlers = [handler(number) for number in range(len(patterns))]
    found = Index(list(zip(patterns, handlers, strict=True))).of(data)
    numbers = [handlers.index(handle) for handle in found]
    assert numbers == sorted(set(numbers))
    concerned = {
        number for number, pattern in enumerate(patterns) if pattern is None or pattern.predicate()(data)
    }
    assert concerned <= set(numbers)


def test_of_a_thousand_rules_for_a_thousand_places_one_is_asked() -> None:
    rules = [
        (
            Pattern(
                SurveyAnswered, (Term("nps", parse("<= 6")), Term("touchpoint", parse(f"place-{number}")))
            ),
            handler(number),
        )
        for number in range(1_000)
    ]
    anyhow = (Pattern(SurveyAnswered, (Term("nps", parse("<= 6")),)), handler(-1))
    found = Index([*rules, anyhow]).of(SurveyData(nps=9, touchpoint="place-617"))
    assert found == [rules[617][1], anyhow[1]]


def test_few_rules_are_asked_in_turn() -> None:
    rules = [
        (Pattern(SurveyAnswered, (Term("touchpoint", parse(f"place-{number}")),)), handler(number))
        for number in range(FEW)
    ]
    assert Index(rules).of(SurveyData(nps=1)) == [handle for _, handle in rules]
