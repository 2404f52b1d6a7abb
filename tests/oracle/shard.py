"""The steps of one shard, record by record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tests.oracle.episodes import Episodes
from tests.oracle.followups import FollowUps, next_of
from tests.oracle.measured import Counted, Model, pane
from tests.oracle.measured.model import default
from tests.oracle.metrics import Board, on_board
from tests.oracle.pace import Feed, Silences
from tests.oracle.reading import DAY, MINUTE, Event, read_line, time_of
from tests.oracle.rules import Alert, Outputs, Rule, SilentRule

LATENESS = 5 * MINUTE
AHEAD = 5 * MINUTE
PANE = 5 * MINUTE
CORRECTION = 7 * DAY
BEFORE = -(10**14)  # all time: no watermark yet
REVIEWS = ("review.posted", "review.responded")


class Oracle:
    """A shard with one role or both, and the board behind it.

    rules: as loaded from YAML. forwarded: what a shard with the review role alone passes on to the customer's.
    """

    def __init__(
        self,
        rules: Sequence[dict[str, Any]],
        *,
        roles: Sequence[str] = ("review", "customer"),
        zone: str = "UTC",
        model: Model | None = None,
    ) -> None:
        enabled = sorted((rule for rule in rules if rule.get("enabled", True)), key=lambda rule: rule["id"])
        of_silence = [SilentRule.of(rule) for rule in enabled if "silent" in rule["when"]]
        of_events = [Rule.of(rule) for rule in enabled if not on_board(rule) and "silent" not in rule["when"]]
        self.roles = roles
        self.outputs = Outputs()
        self.forwarded: list[Event] = []
        self.forwarded_alerts: list[tuple[str, Alert, int]] = []
        self.follow_ups = FollowUps(self.outputs, zone)
        self.board = Board(
            [rule for rule in enabled if on_board(rule)], self.outputs, zone, model or default()
        )
        self.silences = Silences(of_silence, self.outputs, self.board.follow_ups)
        about_reviews = [rule for rule in of_events if rule.about_reviews]
        about_customers = [rule for rule in of_events if not rule.about_reviews]
        told_of = {event for rule in of_silence for event in rule.events}
        self.reviews = Episodes(
            about_reviews,
            self.outputs,
            self.raised_by_review,
            self.retracted,
            self.feeds("review", about_reviews, told_of & {*REVIEWS}),
        )
        self.customers = Episodes(
            about_customers,
            self.outputs,
            self.raised_by_customer,
            self.retracted,
            self.feeds("customer", about_customers, told_of - {*REVIEWS}),
        )
        self.line = 0
        self.seen = BEFORE  # the greatest event time
        self.watermark = BEFORE
        self.remembered: dict[tuple[str, str], int] = {}  # source, id → the last day of the watermark
        self.counted: list[Counted] = []

    def feeds(self, role: str, rules: list[Rule], told_of: set[str]) -> list[Feed]:
        """Of what absences wait for, and of what rules on silence name."""
        awaited = {rule.unless.event for rule in rules if rule.unless is not None}
        return [Feed(role, event, self.silences.told) for event in sorted(awaited | told_of)]

    def feed(self, line: str, broker: int, line_number: int | None = None) -> None:
        """The next record. broker: its timestamp, ms."""
        self.line = self.line + 1 if line_number is None else line_number
        event = read_line(line)
        if isinstance(event, str):
            self.reject(event)
        else:
            self.step(event, broker)

    def reject(self, reason: str) -> None:
        self.outputs.deadletters.append({"reason": reason, "line": self.line})

    def step(self, event: Event, broker: int) -> None:
        if event.time > broker + AHEAD:
            self.reject("time.future")
            return
        if self.known(event):
            return
        if not event.forwarded:
            self.seen = max(self.seen, event.time)
        if self.seen > BEFORE:
            self.pass_time(self.seen - LATENESS)
        self.remembered[event.source, event.id] = self.watermark // DAY
        if event.time < self.watermark - CORRECTION and not event.forwarded:
            self.reject("time.too_late")
            return
        self.apply(event)

    def known(self, event: Event) -> bool:
        """Whether the event was remembered on this day of the watermark, or on the one before."""
        day = self.remembered.get((event.source, event.id))
        return day is not None and day >= self.watermark // DAY - 1

    def pass_time(self, watermark: int) -> None:
        """Move the watermark, which never goes back; judge panes and fire timers strictly below it."""
        self.watermark = max(self.watermark, watermark)
        if self.board.rules:
            self.board.judge(self.counted, self.watermark)
        else:  # it would go through all panes for nothing
            self.board.judged = max(pane(self.watermark, PANE) - PANE, self.board.judged or 0)
        self.reviews.pass_time(self.watermark)
        self.customers.pass_time(self.watermark)
        while True:
            of = (self.reviews, self.customers, self.follow_ups)
            timers = [timer for one in of for timer in one.timers(self.watermark)]
            if not timers:
                break
            next_of(timers)[-1]()
        self.board.fire_timers(self.watermark)  # of what shards have told just now

    def finish(self, until: int | None = None) -> None:
        if until is not None:
            self.pass_time(until)

    def take(self, what: str, alert: Alert, time: int) -> None:
        """An alert that a review shard forwarded: fired or retracted."""
        if what == "fired":
            self.follow_ups.fired(alert, alert.customer or alert.key)
        else:
            self.follow_ups.retracted(alert, time)

    # -- an event is applied

    def apply(self, event: Event) -> None:
        if event.type in REVIEWS and not event.forwarded:
            self.apply_review(event)
            return
        acted = None
        if event.type.startswith("followup."):
            acted = self.follow_ups.acted(event)
            reason = self.follow_ups.agent(event, self.watermark)
            if reason is not None:
                self.reject(reason)
                return
        if not event.forwarded:
            self.counted.append(Counted(event, self.watermark, acted))
        self.judge(self.customers, event)

    def apply_review(self, event: Event) -> None:
        """A review or a response, on the shard of its review: a version that is not newer counts for nothing."""
        if event.type == "review.posted":
            versions = [e for e in self.reviews.events if e.type == "review.posted"]
            versions = [e for e in versions if e.data["review_id"] == event.data["review_id"]]
            if any(e.version >= event.version for e in versions):
                return
        self.counted.append(Counted(event, self.watermark))
        self.judge(self.reviews, event)
        if event.subject is not None:
            copy = replace(event, forwarded=True)
            if "customer" in self.roles:
                self.judge(self.customers, copy)
            else:
                self.forwarded.append(copy)

    def judge(self, episodes: Episodes, event: Event) -> None:
        episodes.apply(event, self.line, self.watermark, self.seen)

    # -- follow-ups of alerts

    def raised_by_customer(self, alert: Alert) -> None:
        self.follow_ups.fired(alert, alert.key)

    def raised_by_review(self, alert: Alert) -> None:
        """The follow-up of a review belongs to the customer's shard, if there is a customer."""
        if alert.customer is not None and "customer" not in self.roles:
            if alert.follow_up is not None:
                self.forwarded_alerts.append(("fired", alert, alert.time))
        else:
            self.follow_ups.fired(alert, alert.customer or alert.key)

    def retracted(self, alert: Alert, time: int) -> None:
        if alert.customer is not None and "customer" not in self.roles:
            if alert.follow_up is not None:
                self.forwarded_alerts.append(("retracted", alert, time))
        else:
            self.follow_ups.retracted(alert, time)


def run(
    lines: Sequence[str],
    rules: Sequence[dict[str, Any]],
    *,
    now: int,
    until: int | None = None,
    zone: str = "UTC",
    model: Model | None = None,
    watch: Callable[[Oracle], None] = lambda _: None,
) -> Oracle:
    """A replay: one shard with both roles, every line stamped with the moment that the run started."""
    oracle = Oracle(rules, zone=zone, model=model)
    for number, line in enumerate(lines, start=1):
        time = time_of(line)
        if until is not None and time is not None and time > until:
            continue
        oracle.feed(line, now, number)
        watch(oracle)
    oracle.finish(until)
    return oracle
