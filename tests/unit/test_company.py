"""The simulated company of the demo: what it sends is sound, varied, seeded, and has its bad days."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from statistics import mean
from typing import Any

import pytest

from pipeline.demo import Arrival, Company
from pipeline.demo.phrases_en import CLOSERS as EN_CLOSERS
from pipeline.demo.phrases_nl import CLOSERS as NL_CLOSERS
from pipeline.events.codec import Rejection, decode, unknown_fields
from pipeline.events.model import CUSTOMER_EVENTS, FollowUpOpened, type_name
from pipeline.span import DAY, HOUR, MINUTE

START = int(datetime(2026, 11, 23, 6, tzinfo=UTC).timestamp()) * 1000
DAYS = 5


@dataclass(frozen=True)
class Logged:
    """A record as the codec wants it."""

    value: bytes | None
    offset: int = 0
    timestamp: int = START
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True)
class Story:
    company: Company
    arrivals: list[Arrival]

    def of(self, kind: str) -> list[tuple[int, dict[str, Any], Arrival]]:
        """Events of a type, once each: their time, data and arrival."""
        found = {a.event["id"]: a for a in self.arrivals if a.event["type"] == "cx." + kind}
        return [(time_of(a), data_of(a), a) for a in found.values()]


def time_of(arrival: Arrival) -> int:
    return round(datetime.fromisoformat(str(arrival.event["time"])).timestamp() * 1000)


def data_of(arrival: Arrival) -> dict[str, Any]:
    data = arrival.event["data"]
    assert isinstance(data, dict)
    return data


def opened(number: int, subject: str | None, **more: object) -> dict[str, object]:
    """A follow-up as a shard opens it."""
    event: dict[str, object] = {"type": "cx.followup.opened", "time": "2026-11-23T07:00:00Z"}
    if subject is not None:
        event["subject"] = subject
    data = {
        "followup_id": f"fu-{number}",
        "rule": "detractor-follow-up",
        "team": "care",
        "priority": "normal",
    }
    return event | {"data": {**data, **more}}


def told(
    seed: int = 7, customers: int = 400, days: float = DAYS, step: int = 6 * HOUR, followups: int = 0
) -> Story:
    """A company's story; follow-ups are opened for its first customers after an hour."""
    company = Company(seed=seed, customers=customers, start=START)
    arrivals = company.until(START + HOUR)
    for number in range(followups):
        company.agent_acts(opened(number, f"cust-{1000 + number}"), START + HOUR)
    for at in range(START + HOUR + step, START + int(days * DAY) + step, step):
        arrivals += company.until(min(at, START + int(days * DAY)))
    return Story(company, arrivals)


@pytest.fixture(scope="module")
def story() -> Story:
    return told(followups=200)


def as_bytes(arrivals: list[Arrival]) -> bytes:
    return b"\n".join(json.dumps([a.at, a.topic, a.key, a.event]).encode() for a in arrivals)


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = (as_bytes(told(seed=3, customers=60, days=2, followups=10).arrivals) for _ in range(2))
    assert first == second


def test_another_seed_gives_another_story() -> None:
    assert as_bytes(told(seed=3, customers=20, days=1).arrivals) != as_bytes(
        told(seed=4, customers=20, days=1).arrivals
    )


@pytest.mark.parametrize("step", [7 * MINUTE, 5 * HOUR, 40 * HOUR], ids=["minutes", "hours", "at-once"])
def test_it_does_not_matter_how_time_is_cut_into_calls(step: int) -> None:
    whole = Company(customers=50, start=START).until(START + 2 * DAY)
    assert as_bytes(told(customers=50, days=2, step=step).arrivals) == as_bytes(whole)


def test_a_call_gives_what_came_since_the_one_before() -> None:
    company = Company(customers=50, start=START)
    before = company.until(START + 5 * HOUR)
    since = company.until(START + 6 * HOUR)
    assert max(a.at for a in before) <= START + 5 * HOUR < min(a.at for a in since)
    assert company.until(START + 6 * HOUR) == []


def test_arrivals_are_in_order_and_never_before_their_event(story: Story) -> None:
    moments = [a.at for a in story.arrivals]
    assert moments == sorted(moments)
    assert all(START <= time_of(a) <= a.at for a in story.arrivals)


def test_every_event_type_appears(story: Story) -> None:
    # A follow-up is opened by the pipeline, never by the company.
    wanted = {type_name(event) for event in CUSTOMER_EVENTS if event is not FollowUpOpened}
    assert {str(a.event["type"]) for a in story.arrivals} == wanted


def test_every_event_is_taken_by_the_codec_and_has_no_field_beside_the_model(story: Story) -> None:
    for arrival in story.arrivals:
        value = json.dumps(arrival.event).encode()
        event = decode(Logged(value))
        assert not isinstance(event, Rejection), f"{event}: {value!r}"
        assert unknown_fields(value, event) == {}, value


def test_events_have_the_topic_and_the_key_of_what_they_are_about(story: Story) -> None:
    for arrival in story.arrivals:
        event = arrival.event
        if str(event["type"]).startswith("cx.review."):
            assert (arrival.topic, arrival.key) == ("reviews", data_of(arrival)["review_id"])
        else:
            assert arrival.topic == "touchpoints"
            assert arrival.key == event.get("subject", f"{event['source']}{event['id']}")


def test_one_event_in_a_hundred_is_late_and_one_in_two_hundred_comes_twice(story: Story) -> None:
    seen: dict[str, Arrival] = {}
    late = twice = 0
    for arrival in story.arrivals:
        name = f"{arrival.event['source']} {arrival.event['id']}"
        if name in seen:
            assert seen[name].event == arrival.event
            twice += 1
        else:
            seen[name] = arrival
            late += arrival.at - time_of(arrival) > 5 * MINUTE
            assert arrival.at - time_of(arrival) < 5 * HOUR
    assert 0.007 < late / len(seen) < 0.013
    assert 0.003 < twice / len(seen) < 0.007


def test_a_day_has_its_rhythm(story: Story) -> None:
    hours = Counter(a.at // HOUR for a in story.arrivals if a.at < START + DAYS * DAY)
    day = mean(count for hour, count in hours.items() if 8 <= hour % 24 < 20) / 60
    night = mean(count for hour, count in hours.items() if hour % 24 < 5) / 60
    assert 6 <= day <= 10
    assert 0.3 < night < day / 3


@pytest.mark.parametrize("customers", [1, 40, 400])
def test_it_is_never_silent_for_an_hour(customers: int) -> None:
    moments = [START, *(a.at for a in told(customers=customers, days=10 if customers < 400 else 3).arrivals)]
    assert max(after - before for before, after in pairwise(moments)) < HOUR


def test_the_rate_follows_the_number_of_customers() -> None:
    few, many = (len(told(customers=customers, days=0.5).arrivals) for customers in (400, 1600))
    assert 3.2 < many / few < 4.8


def test_a_company_without_customers_is_refused() -> None:
    with pytest.raises(ValueError, match="a customer at least"):
        Company(customers=0, start=START)


@pytest.mark.parametrize("seed", range(25))
def test_a_bad_day_begins_within_the_first_eight_hours(seed: int) -> None:
    first, *later = Company(seed=seed, customers=1, start=START).bad_days(START + 30 * DAY)
    assert START < first.start <= START + 8 * HOUR
    assert all(6 * HOUR <= day.end - day.start <= 20 * HOUR for day in (first, *later))
    assert len(later) >= 4


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_bad_day_shows_in_the_scores_the_failures_and_the_contacts(seed: int) -> None:
    story = told(seed=seed, days=2)
    bad_day = story.company.bad_days(START + 8 * HOUR)[0]

    def split(kind: str, value: Callable[[dict[str, Any]], float | None]) -> tuple[list[float], list[float]]:
        """Values on the bad day, and on other days."""
        sides: tuple[list[float], list[float]] = ([], [])
        for time, data, _ in story.of(kind):
            if (found := value(data)) is not None:
                sides[not bad_day.start <= time < bad_day.end].append(found)
        return sides

    def there(data: dict[str, Any], name: str) -> Any:
        return data.get(name) if data["touchpoint"] == bad_day.touchpoint else None

    for name, gap in (("nps", 1.5), ("csat", 0.6)):
        bad, usual = split("survey.answered", lambda data, name=name: there(data, name))  # type: ignore[misc]
        assert len(bad) >= 15
        assert mean(bad) < mean(usual) - gap, name
    bad, usual = split(
        "touchpoint.visited", lambda data: there(data, "outcome") and data["outcome"] == "failed"
    )
    assert mean(bad) > 0.4
    assert mean(usual) < 0.25
    bad, usual = split("contact.opened", lambda _: 1)
    length = bad_day.end - bad_day.start
    assert len(bad) / length > 1.2 * len(usual) / (2 * DAY - length)


def test_comments_are_varied_and_of_both_languages(story: Story) -> None:
    said = [
        (data["language"], data["comment"]) for _, data, _ in story.of("survey.answered") if "comment" in data
    ]
    for language in ("nl", "en"):
        comments = [words for spoken, words in said if spoken == language]
        assert len(comments) > 100
        assert len(set(comments)) > 0.5 * len(comments)
        assert not any("{" in words for words in comments)


def test_words_agree_with_the_score_beside_them(story: Story) -> None:
    for _, data, _ in story.of("survey.answered"):
        nps, words = data.get("nps", 5), data.get("comment", "")
        wrong = "good" if nps <= 4 else "bad" if nps >= 9 else None
        if wrong is not None:
            assert not any(closer in words for closer in NL_CLOSERS[wrong] + EN_CLOSERS[wrong]), data


def test_customers_are_of_many_kinds(story: Story) -> None:
    values = defaultdict(set)
    for _, data, _ in story.of("touchpoint.visited"):
        for name in ("persona", "segment", "channel", "touchpoint", "brand", "location"):
            values[name].add(data[name])
    assert values["segment"] == {"new", "regular", "vip", "business"}
    assert values["channel"] >= {"web", "shop", "phone", "email", "chat", "app"}
    assert len(values["persona"]) >= 5
    assert len(values["touchpoint"]) >= 20


def test_some_contacts_wait_for_hours_and_some_come_back_twice(story: Story) -> None:
    first_answer: dict[str, int] = {}
    for time, data, _ in story.of("contact.replied"):
        if data["by"] != "customer":
            name = data["contact_id"]
            first_answer[name] = min(time, first_answer.get(name, time))
    cases = [
        (time, data["contact_id"]) for time, data, _ in story.of("contact.opened") if time < START + 3 * DAY
    ]
    waiting = sum(first_answer.get(name, time + DAY) - time > 4 * HOUR for time, name in cases)
    assert 0.05 < waiting / len(cases) < 0.4
    assert any(name not in first_answer for _, name in cases)
    reopened = Counter(data["contact_id"] for _, data, _ in story.of("contact.reopened"))
    assert set(reopened.values()) == {1, 2}
    assert {data["by"] for _, data, _ in story.of("contact.replied")} == {"agent", "bot", "customer"}


def test_reviews_are_answered_soon_late_or_never_and_edited_under_the_same_id(story: Story) -> None:
    posts = story.of("review.posted")
    answers = {data["review_id"]: time for time, data, _ in story.of("review.responded")}
    first: dict[str, int] = {}
    for time, data, _ in posts:
        first[data["review_id"]] = min(time, first.get(data["review_id"], time))
    bad = {data["review_id"] for time, data, _ in posts if data["rating"] <= 2 and time < START + 2 * DAY}
    waited = [answers[name] - first[name] if name in answers else None for name in bad]
    assert sum(wait is not None and wait < DAY for wait in waited) >= 3
    assert sum(wait is not None and wait > DAY for wait in waited) >= 3
    assert waited.count(None) >= 3
    assert max(Counter(data["review_id"] for _, data, _ in posts).values()) >= 2
    anonymous = mean("subject" not in a.event for _, _, a in posts)
    assert 0.2 < anonymous < 0.5
    assert any(data["rating"] % 1 for _, data, _ in posts)


def test_promises_are_kept_in_time_broken_or_forgotten(story: Story) -> None:
    due = {
        data["promise_id"]: round(datetime.fromisoformat(data["due"]).timestamp() * 1000)
        for _, data, _ in story.of("promise.made")
    }
    kept = {data["promise_id"]: time for time, data, _ in story.of("promise.kept")}
    broken = {data["promise_id"] for _, data, _ in story.of("promise.broken")}
    over = {name for name, moment in due.items() if moment < START + (DAYS - 1) * DAY}
    assert not broken & kept.keys()
    in_time = sum(kept.get(name, due[name] + 1) <= due[name] for name in over)
    assert 0.6 < in_time / len(over) < 0.95
    assert over & broken
    assert over - broken - kept.keys()


def test_agents_take_a_follow_up_up_contact_the_customer_and_close_it(story: Story) -> None:
    begins = START + HOUR
    steps: dict[str, dict[str, int]] = defaultdict(dict)
    for step in ("assigned", "contacted", "closed", "reopened"):
        for time, data, arrival in story.of("followup." + step):
            assert arrival.key == arrival.event["subject"]
            assert data["rule"] == "detractor-follow-up"
            steps[data["followup_id"]].setdefault(step, time)
    for life in steps.values():
        assert 0.5 * HOUR <= life["assigned"] - begins <= 3 * HOUR
        if "contacted" in life:
            assert life["assigned"] < life["contacted"] <= begins + 8 * HOUR
            assert life["contacted"] < life["closed"]
    ignored = 200 - len(steps)
    assert 10 < ignored < 60
    assert sum("closed" in life for life in steps.values()) > 120
    closings = [data for _, data, _ in story.of("followup.closed")]
    assert all(data["resolution"] and data["cause"] for data in closings)
    assert {data["recovered"] for data in closings} == {True, False}


def test_a_customer_whom_a_follow_up_won_back_often_answers_a_better_survey(story: Story) -> None:
    helped = {a.event["subject"] for _, data, a in story.of("followup.closed") if data["recovered"]}
    looked_back = [
        data["nps"]
        for _, data, a in story.of("survey.answered")
        if data["survey_id"] == "after-follow-up" and a.event["subject"] in helped and "nps" in data
    ]
    assert len(looked_back) > 30
    assert mean(looked_back) > 8


@pytest.mark.parametrize(
    "followup",
    [
        pytest.param(opened(1, None, key="trustpilot-1"), id="without-a-subject"),
        pytest.param({"subject": "cust-1000"}, id="without-data"),
        pytest.param({"subject": "cust-1000", "data": {"team": "care"}}, id="without-an-id"),
    ],
)
def test_nobody_acts_on_a_follow_up(followup: dict[str, object]) -> None:
    company = Company(customers=20, start=START)
    company.agent_acts(followup, START)
    assert as_bytes(company.until(START + 2 * DAY)) == as_bytes(told(customers=20, days=2).arrivals)


def test_nobody_acts_twice_on_the_same_follow_up() -> None:
    stories = []
    for times in (1, 3):
        company = Company(customers=20, start=START)
        for _ in range(times):
            for number in range(5):
                company.agent_acts(opened(number, "cust-1003"), START)
        stories.append(as_bytes(company.until(START + 5 * DAY)))
    assert stories[0] == stories[1]


def test_what_agents_do_arrives_after_what_has_arrived_already() -> None:
    company = Company(customers=20, start=START)
    company.until(START + DAY)
    for number in range(20):
        company.agent_acts(opened(number, "cust-of-somebody-else"), START)
    after = company.until(START + 2 * DAY)
    acted = [a for a in after if str(a.event["type"]).startswith("cx.followup.")]
    assert acted
    assert min(time_of(a) for a in acted) > START + DAY
    assert [a.at for a in after] == sorted(a.at for a in after)
