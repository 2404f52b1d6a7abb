"""Runs rule tests, and says in words how what came differs from what was expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from pipeline import parts as all_parts
from pipeline.authoring.story import (
    OPEN_FOLLOW_UP,
    Expected,
    Expects,
    Passes,
    Test,
    TestFile,
    Told,
)
from pipeline.effects import ALERTS, DEAD_LETTERS, FOLLOW_UPS
from pipeline.errors import Mistake, RulesError
from pipeline.nearest import did_you_mean
from pipeline.parts import Parts
from pipeline.replay import Run
from pipeline.rules.alerts import LASTING
from pipeline.rules.compiled import AnyRule
from pipeline.rules.load import rule_set
from pipeline.settings import Settings
from pipeline.sources.files import Line

#: No test is after this moment (ms UTC), the year 5138: events of a test are never from the future.
LATEST: Final = 100_000_000_000_000


#: Of these some words are expected.
_IN_WORDS = ("reason", "title", "message")


@dataclass(frozen=True, slots=True)
class Came:
    """One thing that came out. what: such as "fired"; rule: its id, or "" of a follow-up."""

    what: str
    rule: str
    details: Mapping[str, str]
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        shown = [
            f"{name} {text}"
            for name, text in self.details.items()
            if name not in _IN_WORDS and (name != "key" or "customer" not in self.details)
        ]
        return f"{self.what} {self.rule or 'follow-up'}, {', '.join(shown)}: {'; '.join(self.reasons)}"

    def with_words(self, asked: Iterable[str]) -> str:
        """As above, and with the words that something else was expected of."""
        words = [f"\n              {name} {self.details[name]}" for name in asked if name in self.details]
        return f"{self}{''.join(words)}"


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that was not met, in words. line: where it stands."""

    line: int
    text: str


@dataclass(slots=True)
class Outcome:
    """How a test went. did: (rule, what it did, such as "fired", "held" or "escalated to lead") → how often."""

    file: TestFile
    test: Test
    failures: list[Failure] = field(default_factory=list)
    did: Counter[tuple[str, str]] = field(default_factory=Counter)


def run_tests(file: TestFile, settings: Settings) -> tuple[list[Outcome], Sequence[AnyRule]]:
    """Run all tests of a file. Returns how each went, and the rules that they are about. Raises RulesError."""
    # Time does not wait for late events: a test says itself what arrives late.
    parts = all_parts.build(settings.model_copy(update={"zone": file.zone, "lateness": 0}), file.rules)
    rules = parts.rules.rules
    _check_names(file, [rule.id for rule in rules])
    return [_run(file, test, parts) for test in file.tests], rules


def _check_names(file: TestFile, ids: Sequence[str]) -> None:
    mistakes = [
        Mistake(str(file.path), line, column, f'there is no rule "{name}"; {did_you_mean(name, ids)}')
        for test in file.tests
        for name, line, column in test.named
        if name not in ids
    ]
    if mistakes:
        raise RulesError(mistakes)


def _run(file: TestFile, test: Test, parts: Parts) -> Outcome:
    if test.only is not None:
        some = rule_set(rule for rule in parts.rules.rules if rule.id in test.only)
        parts = replace(parts, shard=replace(parts.shard, rules=some), board=replace(parts.board, rules=some))
    outcome = Outcome(file, test)
    run = Run(parts, 1, LATEST)
    now, alerts, follow_ups, refused = 0, 0, 0, 0
    for step in test.steps:
        if isinstance(step, Passes):
            now = step.until
            run.pass_time(now + 1)  # what is due now has happened
        elif isinstance(step, Told):
            for at, value in step.values:
                if about_open := OPEN_FOLLOW_UP.encode() in value:
                    run.pass_time(at)  # it may be open only since then
                event = _of_the_open_one(value, run.since(FOLLOW_UPS, 0)) if about_open else value
                run.take([Line(str(file.path), test.line, event)])
            now = step.values[-1][0]
            letters = run.since(DEAD_LETTERS, refused)
            refused += len(letters)
            outcome.failures += [Failure(step.line, _why_refused(letter)) for letter in letters]
        else:
            run.pass_time(now + 1)
            came = _came(run.since(ALERTS, alerts), run.since(FOLLOW_UPS, follow_ups))
            alerts += len(run.since(ALERTS, alerts))
            follow_ups += len(run.since(FOLLOW_UPS, follow_ups))
            _compare(step, came, outcome)
    left = _came(run.since(ALERTS, alerts), [])
    if left:
        text = "".join(f"\n  came at the end   {one}" for one in left)
        outcome.failures.append(Failure(test.line, f"more came than is expected{text}"))
    for alert in run.since(ALERTS, 0):
        data, what = alert["data"], alert["type"].rpartition(".")[2]
        outcome.did[data["rule"], f"escalated to {data['to']}" if what == "escalated" else what] += 1
    for rule in parts.rules.rules:
        outcome.did[rule.id, "held"] += run.count(f"held.{rule.id}")
    return outcome


def _why_refused(letter: Mapping[str, Any]) -> str:
    error = letter["data"]["error"]
    if OPEN_FOLLOW_UP in error:
        error = "no follow-up of this customer is open by then"
    return f"an event was refused: {error}"


def _of_the_open_one(value: bytes, follow_ups: Iterable[dict[str, Any]]) -> bytes:
    """An event about the follow-up of its customer that is open now; where none is, it is refused as it stands."""
    event = msgspec.json.decode(value)
    for one in follow_ups:
        if one.get("subject") == event["subject"]:
            is_open = not one["type"].endswith(".closed")
            event["data"]["followup_id"] = one["data"]["followup_id"] if is_open else OPEN_FOLLOW_UP
    return msgspec.json.encode(event)


def _came(alerts: Iterable[dict[str, Any]], follow_ups: Sequence[dict[str, Any]]) -> list[Came]:
    found = []
    for event in alerts:
        data, what = event["data"], event["type"].rpartition(".")[2]
        details = {"customer": event.get("subject"), "key": data["key"], "severity": data["severity"]}
        details |= {"at": event["time"], "code": data.get("code"), "to": data.get("to")}
        details |= {"title": data["title"], "message": data.get("message")}
        if what == "fired":
            tasks = [one["data"] for one in follow_ups if data["alert_id"] in one["data"]["alert_ids"]]
            details |= {name: tasks[0][name] for name in ("team", "due", "priority")} if tasks else {}
        found.append(_one(what, data["rule"], details, [why["text"] for why in data["reasons"]]))
    for event in follow_ups:
        data, what = event["data"], event["type"].rpartition(".")[2]
        what = "overdue" if data.get("change") == "overdue" else what
        details = {
            "customer": event.get("subject"),
            "key": data["key"],
            "at": event["time"],
            "team": data["team"],
        }
        details |= {"due": data["due"], "priority": data["priority"]}
        found.append(_one(what, "", details, data["reasons"]))
    return found


def _one(what: str, rule: str, details: Mapping[str, Any], reasons: Iterable[str]) -> Came:
    plain = {name: str(value) for name, value in details.items() if value is not None}
    return Came(what, rule, plain, tuple(reasons))


def _compare(wanted: Expects, came: list[Came], outcome: Outcome) -> None:
    """Every alert is expected, once; of follow-ups only what is named, unless nothing is expected."""
    left = list(came)
    missing: list[Expected] = []
    # Who says most chooses first.
    for expected in sorted(wanted.expected, key=lambda one: -len(one.details)):
        for _ in range(expected.times):
            fits = next((one for one in left if _fits(expected, one)), None)
            if fits is None:
                missing.append(replace(expected, times=1))
            else:
                left.remove(fits)
    if wanted.expected:
        left = [one for one in left if one.rule]
    if not missing and not left:
        return
    lines = []
    for text, number in Counter(map(str, missing)).items():
        lines.append(f"\n  expected  {text}{f', {number} times' if number > 1 else ''}")
    asked = {
        expected.rule: [name for name in ("title", "message") if name in expected.details]
        for expected in missing
    }
    lines += [f"\n  came      {one.with_words(asked.get(one.rule, ()))}" for one in left[:10]]
    if len(left) > 10:
        lines.append(f"\n  and {len(left) - 10} more came")
    if not wanted.expected:
        what = "nothing was expected"
    else:
        what = "this was expected, and something else came" if left else "this was expected, and did not come"
    outcome.failures.append(Failure(wanted.line, what + "".join(lines)))


def _fits(expected: Expected, came: Came) -> bool:
    if (expected.what, expected.rule) != (came.what, came.rule):
        return False
    return all(
        _has(came, name, text) if name in _IN_WORDS else came.details.get(name) == text
        for name, text in expected.details.items()
    )


def _has(came: Came, name: str, text: str) -> bool:
    """Do these words stand in it?"""
    if name == "reason":
        return any(text in why for why in came.reasons)
    return text in came.details.get(name, "")


def not_covered(rules: Iterable[AnyRule], outcomes: Iterable[Outcome]) -> list[str]:
    """What rules can do and no test makes them do, in words."""
    did: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        did += outcome.did
    found = []
    for rule in rules:
        can = {"fired": "never fires"}
        if rule.every is not None:
            can["held"] = "never holds a match back"
        if rule.kind in LASTING:
            can["resolved"] = "is never resolved"
        for _, to in rule.plan.escalate if rule.plan is not None else ():
            can[f"escalated to {to}"] = f"is never escalated to {to}"
        found += [f"{rule.id} {words}" for what, words in can.items() if not did[rule.id, what]]
    return found
