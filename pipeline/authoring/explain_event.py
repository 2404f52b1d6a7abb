"""Why a rule on events fired for somebody, or did not.

What fires and what waits is what the shards say; here it is only told what the events were like.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from pipeline.authoring.explanation import Step, step_of, times
from pipeline.effects import ALERTS, DEAD_LETTERS
from pipeline.events.codec import Enclosed, decode, millis, moment
from pipeline.events.model import CUSTOMER_EVENTS, Event, event_name
from pipeline.observe.remembered import in_words
from pipeline.plural import counted, plural
from pipeline.replay import Run
from pipeline.rules.compiled import AbsenceRule, AnyRule, CountRule, EventRule, Given, Role, SequenceRule
from pipeline.rules.judged import Judged, judged
from pipeline.rules.pattern import Pattern, getter, terms
from pipeline.sources.files import Line
from pipeline.span import duration

#: As what a rule looks at an event, beside the one that it is about.
_ROLES = {"": "", "answer": ", an answer", "pause": ", which stops or starts the clock"}


class EventStory:
    """The events of one customer, or of one review, against a rule on events."""

    #: Events in one step, where nothing of them is to be explained.
    batch = 2_000

    def __init__(self, rule: AnyRule, subject: str, run: Run) -> None:
        self._rule, self._subject, self._run = rule, subject, run
        self._needle = json.dumps(subject, ensure_ascii=False)[1:-1].encode()
        self._steps: list[Step] = []
        self._seen: list[tuple[int, Event]] = []
        self._alerts = self._letters = 0
        self._near: tuple[int, int, str] | None = None
        self._others: set[str] = set()
        self._keys: dict[str, None] = {} if rule.role is Role.REVIEW else {subject: None}

    def take(self, lines: Sequence[Line]) -> None:
        """Take a batch; those that are about the subject one by one, so that it is seen what becomes of each."""
        first = 0
        for number, line in enumerate(lines):
            event = self._about(line)
            if event is None:
                continue
            self._run.take(lines[first:number])
            self._hear()
            first = number + 1
            self._one(line, event)
        self._run.take(lines[first:])
        self._hear()

    @property
    def steps(self) -> list[Step]:
        """All that happened."""
        return self._steps

    def now(self) -> Iterator[str]:
        """What is remembered at the end."""
        return in_words(self._rule, [one for key in self._keys for one in self._run.about(key)])

    def verdict(self) -> str:
        """All of it in a sentence."""
        fired = [step for step in self._steps if step.fired]
        if fired:
            return f"It fired {times(fired)} at {moment(fired[0].at)}."
        if not self._seen:
            near = get_close_matches(self._subject, self._others, 1)
            hint = f'; did you mean "{near[0]}"?' if near else "."
            rejected = len(self._run.since(DEAD_LETTERS, 0))
            what = f"{counted(rejected, 'record')} {plural(rejected, 'was', 'were')}"
            others = f" {what} rejected; `cxloop replay` says why." if rejected else ""
            return f'It did not fire: no event is about "{self._subject}"{hint}{others}'
        if not self._steps:
            seen = len(self._seen)
            is_none = f"none of the {seen:,} events is" if seen > 1 else "its only event is not"
            return f"It did not fire: {is_none} of a kind that it looks at."
        if self._near is not None:
            _, at, text = self._near
            return f"It did not fire. Nearest was the event of {moment(at)}: {text}."
        return "It did not fire."

    def _about(self, line: Line) -> Event | None:
        # Few lines are looked at closer: those that have it, and those that may have it in another way of writing.
        if line.rejection is not None or (self._needle not in line.value and b"\\" not in line.value):
            if len(self._others) < 1_000 and line.rejection is None and not self._seen:
                self._note(line)
            return None
        event = decode(Enclosed(line.value))
        if not isinstance(event, CUSTOMER_EVENTS):
            return None
        is_it = event.subject == self._subject or getattr(event.data, "review_id", None) == self._subject  # type: ignore[attr-defined]
        return event if is_it else None

    def _note(self, line: Line) -> None:
        """Whom the events are about, in case nothing is about the subject."""
        event = decode(Enclosed(line.value))
        if isinstance(event, Event) and event.subject is not None:
            self._others.add(event.subject)

    def _one(self, line: Line, event: Event) -> None:
        at = millis(event.time)
        held, again = self._run.count(f"held.{self._rule.id}"), self._run.count("duplicates")
        told = list(_told(self._rule, event))
        if self._rule.role is Role.REVIEW and told:
            self._keys[event.data.review_id] = None  # type: ignore[attr-defined]
        place = len(self._steps)
        self._letters += len(self._run.since(DEAD_LETTERS, self._letters))
        self._run.take([line])
        letters = self._run.since(DEAD_LETTERS, self._letters)
        self._hear()
        name = event_name(event.__class__)
        if letters:
            why = letters[-1]["data"]["error"]
            self._steps.insert(place, Step(at, f"{name} {event.id} was refused: {why}"))
            return
        if self._run.count("duplicates") > again:
            self._steps.append(Step(at, f"{name} {event.id} came again, and counts once"))
            return
        came_of_it = len(self._steps) - place
        for role, conditions in told:
            missed = [one for one in conditions if not one.holds]
            if missed and role == "pause":
                continue
            # Whose event it is, is worth a word where it is not this rule's.
            details = [
                f"{'✓' if one.holds else '✗'} {one.text}"
                for one in conditions
                if not (one.silent and one.holds)
            ]
            if not missed:
                if not came_of_it and self._run.count(f"held.{self._rule.id}") > held:
                    details.append("held: the rule had fired a short while before")
                details += self._more(role, event, at, bool(came_of_it))
            elif any(one.silent for one in missed):
                details.append("so it is another's: the rule itself, or one of its overrides, has it")
            elif role in ("", "1") and (self._near is None or len(missed) < self._near[0]):
                self._near = (len(missed), at, " and ".join(one.text for one in missed))
            as_what = _ROLES.get(role, f", step {role}")
            self._steps.insert(place, Step(at, f"{name} {event.id}{as_what}", tuple(details)))
            place += 1
        self._seen.append((at, event))

    def _more(self, role: str, event: Event, at: int, came_of_it: bool) -> Iterator[str]:
        """What a match led to, where it did not fire at once."""
        rule = self._rule
        if role and not isinstance(rule, SequenceRule):
            return
        if isinstance(rule, CountRule):
            matches, least = self._matches(rule, event, at), rule.at_least
            yield f"{'✓' if matches >= least else '✗'} it is one of {matches} within {duration(rule.within)} ({least} are asked for)"
        all_known = True
        for given in rule.given:
            holds, text = _known(given, event, at, self._seen)
            yield f"{'✓' if holds else '✗'} {text}"
            all_known &= holds
            if not holds and (self._near is None or self._near[0]):
                self._near = (0, at, text)
        if isinstance(rule, AbsenceRule) and all_known and not came_of_it:
            waits = [text for text in self.now() if f"what {event.id} began" in text]
            no_time = f", or named no {rule.before}" if rule.before is not None else ""
            yield from waits or [f"nothing waits: it is answered already{no_time}"]

    def _matches(self, rule: CountRule, event: Event, at: int) -> int:
        """How many matches, with this one, lie in one span."""
        holds, same = rule.when.predicate(), getter(rule.same) if rule.same else None
        part = same(event.data) if same else None  # type: ignore[attr-defined]
        matches = sorted(
            [at, *(
                time for time, one in self._seen
                if one.__class__ is rule.when.event and holds(one.data)  # type: ignore[attr-defined]
                and (same is None or same(one.data) == part)  # type: ignore[attr-defined]
            )]
        )  # fmt: skip
        starts = [time for time in matches if at - rule.within < time <= at]
        return max(sum(start <= time < start + rule.within for time in matches) for start in starts)

    def _hear(self) -> None:
        """What the shards have said since the last time."""
        for alert in self._run.since(ALERTS, self._alerts):
            self._alerts += 1
            if self._subject in (alert["data"]["key"], alert.get("subject")):
                self._steps.append(step_of(alert))


def _told(rule: AnyRule, event: Event) -> Iterator[tuple[str, list[Judged]]]:
    """As what a rule looks at an event, and how it fares against each condition of that."""
    for role, pattern in _patterns(rule):
        if event.__class__ is pattern.event:
            yield role, list(judged(pattern.conditions, event.data))  # type: ignore[attr-defined]


def _patterns(rule: AnyRule) -> Iterator[tuple[str, Pattern]]:
    if isinstance(rule, EventRule | CountRule | AbsenceRule):
        yield "", rule.when
    if isinstance(rule, AbsenceRule):
        yield "answer", rule.unless
        yield from (("pause", one) for one in rule.pause or ())
    if isinstance(rule, SequenceRule):
        yield from ((str(number), one) for number, one in enumerate(rule.steps, 1))


def _known(given: Given, event: Event, at: int, seen: Sequence[tuple[int, Event]]) -> tuple[bool, str]:
    """Whether what must be known was known, and how it was."""
    pattern, same = given.pattern, getter(given.same) if given.same else None
    some = [
        (time, one.data) for time, one in sorted(seen, key=lambda found: found[0])  # type: ignore[attr-defined]
        if one.__class__ is pattern.event and at - given.within <= time <= at
        and (same is None or same(one.data) == same(event.data))  # type: ignore[attr-defined]
    ]  # fmt: skip
    span = f"in the {duration(given.within)} before"
    if not given.last:
        holds = pattern.predicate()
        n = sum(holds(data) for _, data in some)
        asked = [f"at least {given.least}"] if given.least else []
        asked += [f"at most {given.most}"] if given.most is not None else []
        right = n >= given.least and (given.most is None or n <= given.most)
        return right, f"{pattern.name} {'once' if n == 1 else f'{n} times'} {span} ({' and '.join(asked)})"
    fields = [getter(term.field) for term in terms(pattern.conditions)]
    of = [(time, data) for time, data in some if all(get(data) is not None for get in fields)]
    if not of:
        return False, f"no {pattern.name} {span}"
    time, data = of[-1]
    told = list(judged(pattern.conditions, data))
    words = " and ".join(one.text for one in told)
    return all(
        one.holds for one in told
    ), f"the last {pattern.name}, at {moment(time)}: {words or 'there was one'}"
