"""Rule tests as people write them: what happens to customers, and what should come of it.

A test is a story: events, time that passes, and what is expected by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import Mistake, RulesError
from pipeline.events.codec import Enclosed, Rejection, decode, millis, moment
from pipeline.events.model import EVENTS_BY_NAME, FOLLOW_UPS, data_type
from pipeline.followup.clocks import BusinessClock
from pipeline.nearest import did_you_mean
from pipeline.rules import fields
from pipeline.rules.load import TESTS
from pipeline.rules.model import AnySpan, Elapsed
from pipeline.settings import zone_named
from pipeline.written import a_or_b, shown, validated
from pipeline.yaml_places import Document, Path_, read

#: A story without a time begins here: on a Monday at nine, in its zone.
BEGINS = "2026-01-05 09:00"
#: What can become of an alert, and of a follow-up.
ALERT_CHANGES = ("fired", "escalated", "resolved", "retracted")
FOLLOW_UP_CHANGES = ("opened", "updated", "overdue", "assigned", "contacted", "closed", "reopened")


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class _File(_Written):
    rules: list[str] | None = Field(None, description="a list of rule files, such as [detractors.yml]")
    zone: str = Field("UTC", description="a time zone, such as Europe/Amsterdam")
    tests: list[Any] = Field(description='a list of tests, each beginning with "- test:"')


class _Test(_Written):
    test: str = Field(min_length=1, description="a sentence that says what is tested")
    only: list[str] | None = Field(None, description="a list of the rules that are in force, by id")
    story: list[Any] = Field(description="a list of events, waits and expectations")


class _Event(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, strict=True, arbitrary_types_allowed=True)

    event: str = Field(description="the name of an event, such as survey.answered")
    customer: str | None = Field(None, description="a customer, such as anna")
    at: str | None = Field(None, description="a time, such as 2026-03-02 10:00")
    after: AnySpan | None = Field(None, description="how long after what is before it, such as 2h")
    ago: Elapsed | None = Field(
        None, description="how long ago it happened, for what arrives late, such as 2h"
    )
    id: str | None = Field(None, description="the event's id")
    repeat: int = Field(1, ge=1, le=100_000, description="how many of them, from 1 to 100000")
    every: Elapsed | None = Field(None, description="how long lies between them, such as 5m")


class _Wait(_Written):
    wait: AnySpan | None = Field(None, description="how much time passes, such as 24h or 1 business day")
    until: str | None = Field(None, description="until when time passes, such as 2026-03-02 10:00")


class _Expected(_Written):
    fired: str | None = Field(None, description="the id of a rule")
    escalated: str | None = Field(None, description="the id of a rule")
    resolved: str | None = Field(None, description="the id of a rule")
    retracted: str | None = Field(None, description="the id of a rule")
    follow_up: Annotated[
        Literal["opened", "updated", "overdue", "assigned", "contacted", "closed", "reopened"] | None,
        Field(description=a_or_b(FOLLOW_UP_CHANGES)),
    ] = None
    times: int = Field(1, ge=1, description="how often, such as 2")
    customer: str | None = Field(None, description="a customer, such as anna")
    key: str | None = Field(None, description="what the alert is about, such as nps{touchpoint=checkout}")
    severity: Literal["info", "warning", "critical"] | None = Field(
        None, description="info, warning or critical"
    )
    at: str | None = Field(None, description="a time, such as 2026-03-02 10:00")
    reason: str | None = Field(None, description="words that stand in a reason")
    title: str | None = Field(None, description="words that stand in its title")
    message: str | None = Field(None, description="words that stand in its message")
    code: str | None = Field(None, description="why it ended, such as answered_late")
    to: str | None = Field(None, description="who is told, such as lead")
    team: str | None = Field(None, description="the team of its follow-up")
    due: str | None = Field(None, description="when its follow-up is due, such as 2026-03-03 10:00")
    priority: Literal["low", "normal", "high"] | None = Field(None, description="low, normal or high")


#: In a story, the follow-up of the customer that is open then: nobody knows its id beforehand.
OPEN_FOLLOW_UP: Final = "(the open one)"


@dataclass(frozen=True, slots=True)
class Told:
    """Events that arrive. values: as JSON, each with the moment at which it arrives (ms UTC). line: where they stand."""

    values: tuple[tuple[int, bytes], ...]
    line: int


@dataclass(frozen=True, slots=True)
class Passes:
    """Time passes. until: ms UTC."""

    until: int


@dataclass(frozen=True, slots=True)
class Expected:
    """One thing that should have come. what: such as "fired"; rule: its id, or "" of a follow-up."""

    what: str
    rule: str
    times: int
    details: Mapping[str, str]

    def __str__(self) -> str:
        of = self.rule or "follow-up"
        times = f" {self.times} times" if self.times > 1 else ""
        return ", ".join(
            [f"{self.what} {of}{times}", *(f"{name} {text}" for name, text in self.details.items())]
        )


@dataclass(frozen=True, slots=True)
class Expects:
    """All that should have come since the last time; nothing, where it is empty. line, column: where it stands."""

    expected: tuple[Expected, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Test:
    """One test. only: the ids of the rules in force, or None for all. line: where it stands.

    named: the ids of rules that stand in it, each with line and column.
    """

    __test__ = False  # for pytest, which has tests of its own

    name: str
    only: tuple[str, ...] | None
    steps: tuple[Told | Passes | Expects, ...]
    line: int
    named: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class TestFile:
    """The tests of one file. rules: files, in whose order they are read."""

    __test__ = False

    path: Path
    rules: tuple[Path, ...]
    zone: ZoneInfo
    tests: tuple[Test, ...]


def read_tests(path: Path) -> TestFile:
    """Read a file of tests. Raises FileError, or RulesError with all that is wrong."""
    document = read(path)
    if document.mistakes:
        raise RulesError(document.mistakes)
    if _is_of_rules(document.data):
        text = f"this is a file of rules; their tests stand in {path.stem}{TESTS} beside it"
        raise RulesError([document.mistake((), text)])
    mistakes: list[Mistake] = []
    written = validated(_File, document.data, document, (), mistakes, "a file of tests")
    if written is None:
        raise RulesError(mistakes)
    try:
        zone = zone_named(written.zone)
    except ValueError as error:
        mistakes.append(document.mistake(("zone",), f"zone: {error}"))
        zone = ZoneInfo("UTC")
    names = written.rules or [path.name.removesuffix(TESTS) + ".yml"]
    rules = tuple(path.parent / name for name in names)
    for number, rule in enumerate(rules):
        if not rule.exists():
            place: Path_ = ("rules", number) if written.rules else ()
            mistakes.append(
                document.mistake(place, f'there is no rule file "{rule}"; name it under "rules:"')
            )
    tests = [
        _Reader(document, ("tests", number), zone, mistakes).test(raw)
        for number, raw in enumerate(written.tests)
    ]
    if mistakes:
        raise RulesError(mistakes)
    return TestFile(path, rules, zone, tuple(test for test in tests if test is not None))


def _is_of_rules(data: Any) -> bool:
    """Whether rules stand in it, not the names of files that have some."""
    rules = data.get("rules") if isinstance(data, dict) and "tests" not in data else None
    return isinstance(rules, list) and any(isinstance(one, dict) for one in rules)


class _Reader:
    """Reads one test. Time begins, and passes, as its steps say."""

    def __init__(self, document: Document, path: Path_, zone: ZoneInfo, mistakes: list[Mistake]) -> None:
        self._document, self._path, self._zone, self._mistakes = document, path, zone, mistakes
        self._clock = BusinessClock(zone)
        self._now = self._time(BEGINS, path)
        self._events = 0
        self._named: list[tuple[str, int, int]] = []

    def test(self, raw: Any) -> Test | None:
        written = self._validated(_Test, raw, self._path, "a test")
        if written is None:
            return None
        steps: list[Told | Passes | Expects] = []
        for number, step in enumerate(written.story):
            steps += self._step(step, (*self._path, "story", number))
        if not any(isinstance(step, Expects) for step in steps):
            self._wrong((*self._path, "story"), 'nothing is expected; write for example "- expect: nothing"')
        for number, rule_id in enumerate(written.only or ()):
            self._name(rule_id, (*self._path, "only", number))
        line, _ = self._document.values.get(self._path, (1, 1))
        only = tuple(written.only) if written.only is not None else None
        return Test(written.test, only, tuple(steps), line, tuple(self._named))

    def _name(self, rule_id: str, path: Path_) -> None:
        self._named.append((rule_id, *self._document.values.get(path, (1, 1))))

    def _step(self, raw: Any, path: Path_) -> Iterator[Told | Passes | Expects]:
        kinds = [
            name for name in ("event", "expect", "wait", "until") if isinstance(raw, dict) and name in raw
        ]
        if len(kinds) != 1:
            here = shown(raw) if not isinstance(raw, dict) else "a step is one of these"
            self._wrong(path, f'{here}; write {{event: …}}, {{wait: 24h}}, {{until: …}} or "expect: …"')
        elif kinds == ["event"]:
            if (event := self._validated(_Event, raw, path, "an event")) is not None:
                yield from self._told(event, path)
        elif kinds == ["expect"]:
            yield from self._expects(raw, path)
        elif (wait := self._validated(_Wait, raw, path, "a wait")) is not None:
            if wait.wait is not None:
                self._now = self._clock.deadline(self._now, wait.wait)
            elif wait.until is not None:
                self._go_to(self._time(wait.until, (*path, "until")), (*path, "until"))
            yield Passes(self._now)

    def _told(self, written: _Event, path: Path_) -> Iterator[Told]:
        if written.event.removeprefix("cx.") not in EVENTS_BY_NAME:
            self._wrong(
                (*path, "event"),
                f'unknown event "{written.event}"; {did_you_mean(written.event, EVENTS_BY_NAME)}',
            )
            return
        if written.at is not None:
            self._go_to(self._time(written.at, (*path, "at")), (*path, "at"))
        if written.after is not None:
            self._now = self._clock.deadline(self._now, written.after)
        if not self._fields_are_right(written, path):
            return
        values = []
        for n in range(written.repeat):
            if n and written.every is not None:
                self._now += written.every.millis
            values.append((self._now, self._value(written, n)))
        found = decode(Enclosed(values[0][1]))
        if isinstance(found, Rejection) and found.reason == "subject.missing":
            self._wrong(path, f"{written.event}: about whom? Write for example customer: anna")
        elif isinstance(found, Rejection):
            self._wrong(path, f"{written.event}: {found.error}")
        else:
            line, _ = self._document.values.get(path, (1, 1))
            yield Told(tuple(values), line)

    def _fields_are_right(self, written: _Event, path: Path_) -> bool:
        """A field that nobody knows would be taken from a source, but in a test it is a slip."""
        data, before = data_type(EVENTS_BY_NAME[written.event.removeprefix("cx.")]), len(self._mistakes)
        for name, value in (written.model_extra or {}).items():
            if not fields.known(data, name):
                hint = did_you_mean(name, (*_Event.model_fields, *fields.names(data)))
                self._wrong((*path, name), f'"{written.event}" has no field "{name}"; {hint}', key=True)
                continue
            field = fields.field_of(data, name)
            try:
                if field.base not in ("time", "map", "anything"):
                    field.value(value)
            except ValueError as error:
                self._wrong((*path, name), f"{name}: {error}")
        for name in fields.needed(data):
            if name == "followup_id" and written.customer is not None:
                continue
            if name not in (written.model_extra or {}):
                example = f"{name.removesuffix('_id')}-1" if name.endswith("_id") else "…"
                self._wrong(path, f'"{written.event}" needs "{name}"; write for example {name}: {example}')
        return len(self._mistakes) == before

    def _value(self, written: _Event, n: int) -> bytes:
        self._events += 1
        kind = f"cx.{written.event.removeprefix('cx.')}"
        event = {
            "specversion": "1.0", "id": written.id or f"event-{self._events}", "source": "/tests", "type": kind,
            "time": moment(self._now - (written.ago.millis if written.ago is not None else 0)), "data": {},
        }  # fmt: skip
        data = dict(written.model_extra or {})
        if EVENTS_BY_NAME[kind.removeprefix("cx.")] in FOLLOW_UPS:
            data.setdefault("followup_id", OPEN_FOLLOW_UP)
        customer = written.customer
        if customer is None and written.repeat > 1:
            customer = f"customer-{n + 1}"
        if customer is not None:
            event["subject"] = customer
        return msgspec.json.encode(event | {"data": data})

    def _expects(self, raw: dict[str, Any], path: Path_) -> Iterator[Expects]:
        here = (*path, "expect")
        wanted = raw["expect"]
        for name in raw:
            if name != "expect":
                self._wrong((*path, name), f'"{name}" is not known here; put it under "expect:"', key=True)
        if isinstance(wanted, dict):
            wanted = [wanted]
        if wanted != "nothing" and not (isinstance(wanted, list) and wanted):
            self._wrong(
                here, f"expect: {shown(wanted)}; write nothing, or a list such as [{{fired: a-rule}}]"
            )
            return
        expected: list[Expected] = []
        for number, one in enumerate(wanted if isinstance(wanted, list) else []):
            at = (*here, number) if isinstance(raw["expect"], list) else here
            before = len(self._mistakes)
            if (entry := self._validated(_Expected, one, at, "a map")) is not None:
                expected += self._expected(entry, at, len(self._mistakes) == before)
        line, column = self._document.keys.get(here, (1, 1))
        yield Expects(tuple(expected), line, column)

    def _expected(self, entry: _Expected, path: Path_, is_right: bool) -> Iterator[Expected]:
        changes = [name for name in (*ALERT_CHANGES, "follow_up") if getattr(entry, name) is not None]
        if len(changes) != 1:
            if changes or is_right:  # else it is written wrong, and that is said already
                self._wrong(path, f"write one of {', '.join((*ALERT_CHANGES, 'follow_up'))}", key=True)
            return
        details = {
            name: str(getattr(entry, name))
            for name in (
                "customer",
                "key",
                "severity",
                "at",
                "reason",
                "title",
                "message",
                "code",
                "to",
                "team",
                "due",
                "priority",
            )
            if getattr(entry, name) is not None
        }
        for name in ("at", "due"):
            if name in details:
                details[name] = moment(self._time(details[name], (*path, name)))
        if changes == ["follow_up"]:
            yield Expected(str(entry.follow_up), "", entry.times, details)
        else:
            self._name(getattr(entry, changes[0]), (*path, changes[0]))
            yield Expected(changes[0], getattr(entry, changes[0]), entry.times, details)

    def _go_to(self, at: int, path: Path_) -> None:
        if at < self._now and self._events:
            self._wrong(
                path,
                f'this is before {moment(self._now)}, and time does not go back; "ago" is for what arrives late',
            )
        self._now = at

    def _time(self, text: str, path: Path_) -> int:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            self._wrong(path, f'"{text}" is no time; write for example 2026-03-02 10:00')
            return self._now
        return millis(
            (found if found.tzinfo is not None else found.replace(tzinfo=self._zone)).astimezone(UTC)
        )

    def _validated(self, model: Any, raw: Any, path: Path_, what: str) -> Any:
        return validated(model, raw, self._document, path, self._mistakes, what)

    def _wrong(self, path: Path_, text: str, *, key: bool = False) -> None:
        self._mistakes.append(self._document.mistake(path, text, key=key))
