"""Rules as written: conditions, keys, durations, business time, ids."""

from __future__ import annotations

import hashlib
import operator
import re
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.reading import DAY, EPOCH, HOUR, MINUTE, SECOND, Event, ms

UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
OPERATORS = {"<=": operator.le, ">=": operator.ge, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
             "=": operator.eq}  # fmt: skip
PRIORITY = {"info": "low", "warning": "normal", "critical": "high"}
NOT_CONDITIONS = {"event", "last", "count", "same", "within", "before", "at_least", "at_most", "pause"}


NEVER = -1


def written_out(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules of a file, each as if it had been written in full: with what it uses, and apart from its overrides."""
    rules = []
    for rule in used(document["rules"], document.get("define", {})):
        overrides = rule.pop("overrides", [])
        fors = [one["for"] for one in overrides]
        rules.append(apart(rule, fors))
        for number, one in enumerate(overrides):
            merged = over(rule, {name: value for name, value in one.items() if name != "for"})
            rules.append(apart(merged, fors[:number], fors[number]))
    return rules


def used(written: Any, define: dict[str, Any]) -> Any:
    if isinstance(written, list):
        return [used(one, define) for one in written]
    if not isinstance(written, dict):
        return written
    names = written.get("use", [])
    taken: dict[str, Any] = {}
    for name in names if isinstance(names, list) else [names]:
        taken |= used(define[name], define)
    return taken | {name: used(value, define) for name, value in written.items() if name != "use"}


def over(base: Any, more: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(more, dict):
        return more
    return base | {name: over(base.get(name), value) for name, value in more.items()}


def apart(rule: dict[str, Any], others: list[Any], own: Any = None) -> dict[str, Any]:
    """A rule for the events, or the series, that meet its own conditions and none of the others'."""
    more = ([own] if own else []) + [{"not": one} for one in others]
    if not more:
        return rule
    return rule | {"when": rule["when"] | {"all": rule["when"].get("all", []) + more}}


def derived(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=10).hexdigest()


@cache
def duration(text: str) -> int:
    """`30s 5m 4h 30d 2w` → ms."""
    number, unit = re.fullmatch(r"(\d+)([smhdw])", text).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def after(start: int, text: str, zone: str) -> int:
    """The moment `text` after start; text may also count business days and business hours."""
    business = re.fullmatch(r"(\d+) business (day|hour)s?", text)
    if business is None:
        return start + duration(text)
    left = timedelta(hours=int(business[1]) * (8 if business[2] == "day" else 1))
    at = (EPOCH + timedelta(milliseconds=start)).astimezone(ZoneInfo(zone))
    while True:
        opens = at.replace(hour=9, minute=0, second=0, microsecond=0)
        closes = at.replace(hour=17, minute=0, second=0, microsecond=0)
        if at.weekday() < 5 and at < closes:
            at = max(at, opens)
            if left <= closes - at:
                return ((at + left).astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)
            left -= closes - at
        at = opens.replace(hour=0) + timedelta(days=1)


def holds(condition: Any, value: Any) -> bool:
    """Whether a value (None: missing) meets a condition: a scalar, a list of them, or a comparison."""
    if isinstance(condition, list):
        return any(holds(one, value) for one in condition)
    compared = comparison(condition) if isinstance(condition, str) else None
    if compared is None:
        return bool(value is not None and value == condition)
    sign, limit = compared
    if value is None:
        return sign == "!="
    return bool(OPERATORS[sign](value, float(limit) if isinstance(value, int | float) else limit))


@cache
def comparison(text: str) -> tuple[str, str] | None:
    """`<= 6` → its sign and its limit."""
    found = re.match(r"(<=|>=|!=|<|>|=)\s*(.*)", text)
    return (found[1], found[2]) if found else None


def meets(conditions: dict[str, Any], data: dict[str, Any]) -> bool:
    """Whether an event's data meets all of them; `all`, `any` and `not` join others."""
    return all(meets_one(name, condition, data) for name, condition in conditions.items())


def meets_one(name: str, condition: Any, data: dict[str, Any]) -> bool:
    match name:
        case "all":
            return all(meets(one, data) for one in condition)
        case "any":
            return any(meets(one, data) for one in condition)
        case "not":
            return not meets(condition, data)
    return holds(condition, field_of(name, data))


def looked_at(conditions: dict[str, Any]) -> set[str]:
    """The fields that conditions are on."""
    found: set[str] = set()
    for name, condition in conditions.items():
        if name in ("all", "any", "not"):
            for one in condition if isinstance(condition, list) else [condition]:
                found |= looked_at(one)
        else:
            found.add(name)
    return found


def value_of(name: str, event: Event) -> Any:
    return field_of(name, event.data)


def field_of(name: str, data: dict[str, Any]) -> Any:
    if name.startswith("attributes."):
        return (data.get("attributes") or {}).get(name.removeprefix("attributes."))
    return data.get(name)


@dataclass(frozen=True)
class Filter:
    """An event type and conditions on its fields: a `when` or an `unless`."""

    event: str
    conditions: dict[str, Any]

    @staticmethod
    def of(written: dict[str, Any]) -> Filter:
        name = written["event"] if "event" in written else written["last"]
        return Filter(name, {k: v for k, v in written.items() if k not in NOT_CONDITIONS})

    def matches(self, event: Event) -> bool:
        return self.event == event.type and meets(self.conditions, event.data)


@dataclass(frozen=True)
class Given:
    """What must be known of the customer: the last event of a kind, or how many there were. within: ms."""

    filter: Filter
    last: bool
    least: int
    most: int
    within: int
    same: str | None

    @staticmethod
    def of(written: dict[str, Any]) -> Given:
        return Given(
            filter=Filter.of(written),
            last="last" in written,
            least=written.get("at_least", 0 if "at_most" in written else 1),
            most=written.get("at_most", 10**9),
            within=duration(written["within"]),
            same=written.get("same"),
        )

    def holds(self, before: list[Event], at: int) -> bool:
        """before: the events of its customer and value of `same`, without superseded ones, in order of arrival."""
        near = sorted((e for e in before if at - self.within <= e.time <= at), key=lambda e: e.time)
        near = [e for e in near if e.type == self.filter.event]
        if self.last:
            fields = looked_at(self.filter.conditions)
            near = [e for e in near if all(value_of(name, e) is not None for name in fields)]
            return bool(near) and self.filter.matches(near[-1])
        return self.least <= sum(map(self.filter.matches, near)) <= self.most


@dataclass(frozen=True)
class Rule:
    """One rule about events. kind: event, count, sequence or absence; within, every: ms; every None: no cooldown.

    steps: of a sequence, whose `when` is the first. before: the field that names a deadline.
    apart: the cooldown is one value of `same`'s own.
    """

    id: str
    kind: str
    severity: str
    when: Filter
    unless: Filter | None = None
    at_least: int = 1
    within: int = 0
    same: str | None = None
    every: int | None = None
    apart: bool = False
    about_reviews: bool = False
    follow_up: dict[str, Any] | None = None
    steps: list[Filter] = field(default_factory=list)
    before: str | None = None
    pause: tuple[Filter, Filter] | None = None
    given: list[Given] = field(default_factory=list)

    @staticmethod
    def of(written: dict[str, Any]) -> Rule:
        when, unless, once = written["when"], written.get("unless"), written.get("once") or {}
        count, sequence = when.get("count"), when.get("sequence")
        spanned = when if sequence else count or unless or {}
        every = duration(once["every"]) if "every" in once else None
        apart = bool(count or sequence) and every is None
        if apart:
            every = duration(spanned["within"])
        known = written.get("if") or []
        return Rule(
            id=written["id"],
            kind="sequence" if sequence else "count" if count else "absence" if unless else "event",
            severity=written["alert"],
            when=Filter.of(sequence[0] if sequence else when),
            unless=Filter.of(unless) if unless else None,
            at_least=count["at_least"] if count else 1,
            within=duration(spanned["within"]) if "within" in spanned else NEVER,
            same=spanned.get("same"),
            every=every,
            apart=apart,
            about_reviews=when.get("event", "").startswith("review.") and once.get("per") != "customer",
            follow_up=None if written.get("shadow") else written.get("follow_up"),
            steps=[Filter.of(one) for one in sequence or []],
            before=spanned.get("before"),
            pause=pause_of(unless or {}),
            given=[Given.of(one) for one in (known if isinstance(known, list) else [known])],
        )

    def key(self, event: Event) -> str:
        if self.about_reviews:
            return str(event.data["review_id"])
        return event.subject or event.episode

    def same_value(self, event: Event) -> Any:
        return value_of(self.same, event) if self.same else None

    def deadline(self, event: Event, others: list[Event]) -> int | None:
        """Until when an A waits: the time it names, else so long; None: it does not wait. others: what may stop it."""
        named = value_of(self.before, event) if self.before else None
        if named is None:
            return self.clock(event, others) if self.within != NEVER else None
        at = max(event.time, ms(named))
        return at if at <= event.time + 366 * DAY else None

    def stops(self, event: Event) -> bool:
        """Does an event stop the clock, or start it again?"""
        return self.pause is not None and any(one.matches(event) for one in self.pause)

    def clock(self, event: Event, others: list[Event]) -> int:
        """When a clock that starts with an event has run for so long. It never stands still for more than a year."""
        due, since = event.time + self.within, None
        stops = [e for e in others if self.stops(e) and e.time >= event.time]
        for other in sorted(stops, key=lambda e: e.time):
            assert self.pause is not None
            if since is not None and other.time - since > 366 * DAY:
                due, since = due + 366 * DAY, None
            if since is None and other.time > due:
                break
            if self.pause[0].matches(other):
                since = other.time if since is None else since
            elif since is not None:
                due, since = due + other.time - since, None
        return due if since is None else due + 366 * DAY


@dataclass(frozen=True)
class SilentRule:
    """A rule about events that stop coming."""

    id: str
    severity: str
    events: list[str]
    follow_up: dict[str, Any] | None

    @staticmethod
    def of(written: dict[str, Any]) -> SilentRule:
        events = written["when"]["silent"]
        follow_up = None if written.get("shadow") else written.get("follow_up")
        return SilentRule(
            written["id"], written["alert"], [events] if isinstance(events, str) else events, follow_up
        )


def pause_of(unless: dict[str, Any]) -> tuple[Filter, Filter] | None:
    pause = unless.get("pause")
    return (Filter.of(pause["from"]), Filter.of(pause["until"])) if pause else None


@dataclass
class Alert:
    """An alert and where it stands. key: what it is about; customer: who it is about, if anybody."""

    id: str
    rule: str
    kind: str
    severity: str
    key: str
    time: int
    customer: str | None
    follow_up: dict[str, Any] | None
    state: str = "firing"
    start: int = 0  # of the follow-up's clock


@dataclass
class Outputs:
    """What came out, in order, as plain dicts; times in ms."""

    alerts: list[dict[str, Any]] = field(default_factory=list)
    followups: list[dict[str, Any]] = field(default_factory=list)
    deadletters: list[dict[str, Any]] = field(default_factory=list)

    def alert(self, alert: Alert, what: str, time: int, **more: Any) -> None:
        step = f"/{more['step']}" if "step" in more else ""
        self.alerts.append(
            {
                "type": what,
                "id": f"{alert.id}/{what}{step}",
                "rule": alert.rule,
                "key": alert.key,
                "time": time,
            }
            | ({"subject": alert.customer} if alert.customer else {})
            | more
        )

    def resolve(self, alert: Alert, time: int, code: str) -> None:
        alert.state = "resolved"
        self.alert(alert, "resolved", time, code=code)
