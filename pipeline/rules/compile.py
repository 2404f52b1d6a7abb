"""Written rules become compiled ones; everything that is wrong is said at once, with its place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.errors import Mistake
from pipeline.events.model import REVIEWS, data_type
from pipeline.plural import plural
from pipeline.rules import fields
from pipeline.rules import model as written
from pipeline.rules.compiled import (
    AbsenceRule,
    AnyRule,
    CountRule,
    EventRule,
    FirstRule,
    Given,
    Matches,
    Plan,
    Role,
    SequenceRule,
    SilenceRule,
)
from pipeline.rules.conditions import Conditions
from pipeline.rules.first import LEARNS
from pipeline.rules.limits import compile_measured
from pipeline.rules.measured import MEASURED, check_by
from pipeline.rules.pattern import Pattern
from pipeline.rules.scope import Scope
from pipeline.rules.share import Written, rules_of
from pipeline.rules.texts import chosen, texts
from pipeline.span import BUSINESS_DAY, DAY, Span, duration
from pipeline.written import shown, validated
from pipeline.yaml_places import Document, Path_

#: A rule may look back or ahead at most so far (ms).
LONGEST = 366 * DAY
#: A sequence has so many events at most.
MOST_STEPS = 10
#: A cooldown, a deadline or a step of escalation may be at most so many days, or business days.
MOST_DAYS = 366

#: What a rule can look for, by the field of "when" that says it.
KINDS = ("event", "sequence", *MEASURED, "silent")
#: What the rest of a rule is checked with where these are wrong.
_ANYTHING = {"id": "x", "summary": "x", "alert": "info"}


class Compiler:
    """Compiles the rules of one document. mistakes: all that were found so far. language: of what alerts say."""

    def __init__(self, document: Document, language: str = "en") -> None:
        self._document, self._language = document, language
        self.mistakes: list[Mistake] = []
        self._conditions = Conditions(document, self.mistakes)
        self._rules: list[Written] = []

    def compile(self) -> list[AnyRule]:
        """The enabled rules that are right."""
        self._around()
        self._rules = rules_of(self._document, self.mistakes)
        compiled = []
        for one in self._rules:
            before = len(self.mistakes)
            model = validated(
                written.Rule, one.raw, self._document, one.path, self.mistakes, "a rule", _ANYTHING
            )
            if model is None:
                continue
            self._lengths(model, one.path)
            self._scope = Scope(one, self._document, self._conditions, self.mistakes)
            rule = self._rule(model, one.path)
            if rule is not None and model.enabled and len(self.mistakes) == before:
                compiled.append(rule)
        return compiled

    def ids(self) -> list[tuple[str, Path_]]:
        """The ids of all rules, also of those that are wrong or not enabled, and where they stand."""
        return [
            (one.raw["id"], (*one.path, "id"))
            for one in self._rules
            if isinstance(one.raw, dict) and isinstance(one.raw.get("id"), str)
        ]

    def _around(self) -> None:
        """Look at what is around the rules."""
        data = self._document.data
        begins = 'a rule file begins with "rules:" and a list of rules under it'
        if data is None:
            self._wrong((), f"the file is empty; {begins}")
        elif not isinstance(data, dict):
            self._wrong((), begins)
        else:
            for name in data:
                if name not in ("rules", "define"):
                    self._wrong(
                        (name,), f'"{name}" is not known here; a rule file has "rules" and "define"', key=True
                    )
            if not data:
                self._wrong((), begins)
            elif "rules" in data and not isinstance(data["rules"], list):
                self._wrong(("rules",), 'under "rules:" stands a list of rules, each beginning with "- id:"')

    def _wrong(self, path: Path_, text: str, *, key: bool = False) -> None:
        self.mistakes.append(self._document.mistake(path, text, key=key))

    def _rule(self, rule: written.Rule, path: Path_) -> AnyRule | None:
        kinds = [name for name in KINDS if name in rule.when]
        if len(kinds) != 1:
            which = f"{len(kinds)} of them" if kinds else "none of them"
            one_of = " and ".join((", ".join(f'"{name}"' for name in KINDS[:-1]), f'"{KINDS[-1]}"'))
            self._wrong(
                (*path, "when", *kinds[1:2]), f'"when" needs one of {one_of}, and has {which}', key=True
            )
            return None
        if kinds == ["silent"]:
            self._foreign(rule, path, ("once", "unless", "if", "for", "clear"), "other kinds of rules")
            return self._silence(rule, path)
        if kinds[0] in MEASURED:
            self._foreign(rule, path, ("once", "unless", "if"), "rules on an event")
            return compile_measured(
                rule, kinds[0], self._common(rule, Role.CUSTOMER, path, _dimensions(rule.when), customer=False),
                self._document, path, self.mistakes, self._conditions, self._scope,
            )  # fmt: skip
        self._foreign(rule, path, ("for", "clear"), "rules on a metric")
        return self._sequence(rule, path) if kinds == ["sequence"] else self._on_event(rule, path)

    def _on_event(self, rule: written.Rule, path: Path_) -> AnyRule | None:
        here = (*path, "when")
        when = validated(written.WhenEvent, rule.when, self._document, here, self.mistakes, "a map")
        pattern = self._pattern(when, here) if when else None
        if when is None or pattern is None:
            return None
        pattern = self._scope.narrowed(pattern)
        if when.first is not None:
            return self._first(rule, when.first, pattern, path)
        role = self._role(rule, pattern, path)
        same = when.count.same if when.count is not None else None
        given = self._given(rule, role, None if when.count is None else same or "", [pattern], path)
        shows = (
            [same]
            if same is not None
            else []
            if when.count is not None
            else fields.names(data_type(pattern.event))
        )
        common = {**self._common(rule, role, path, shows), "given": given}
        if rule.unless is not None:
            if when.count is not None:
                self._wrong((*path, "unless"), "a rule has either a count or an absence, not both", key=True)
                return None
            return self._absence(rule, pattern, common, path)
        if when.count is not None:
            count = when.count
            self._length(count.within, LONGEST, (*here, "count", "within"))
            if count.same is not None:
                self._conditions.field(count.same, pattern.event, (*here, "count", "same"))
            return CountRule(
                **common, when=pattern, at_least=count.at_least, within=count.within.millis, same=count.same
            )
        return EventRule(**common, when=pattern)

    def _first(self, rule: written.Rule, first: written.First, pattern: Pattern, path: Path_) -> FirstRule:
        here = (*path, "when", "first")
        if "count" in rule.when:
            self._wrong((*path, "when", "count"), 'a rule has either "first" or a count, not both', key=True)
        self._foreign(rule, path, ("once", "unless", "if"), "rules on the events of one customer")
        if self._conditions.field(first.of, pattern.event, (*here, "of")):
            check_by(first.of, pattern.event, (*here, "of"), self._wrong)
        self._length(first.within, LONGEST, (*here, "within"))
        if 0 < first.within.millis < LEARNS:
            self._wrong(
                (*here, "within"), f"within: {first.within} is too short to say what is new; write at least {duration(LEARNS)}"
            )  # fmt: skip
        return FirstRule(
            **self._common(rule, Role.CUSTOMER, path, [first.of], customer=False),
            matches=Matches(pattern, (first.of,)),
            within=first.within.millis,
        )

    def _sequence(self, rule: written.Rule, path: Path_) -> SequenceRule | None:
        here = (*path, "when")
        self._foreign(rule, path, ("unless",), "rules on one event")
        if self._scope.is_narrow:
            self._wrong(
                (*path, "overrides"), '"overrides" belongs to rules on one event or on a metric', key=True
            )
        when = validated(written.WhenSequence, rule.when, self._document, here, self.mistakes, "a map")
        if when is None:
            return None
        self._length(when.within, LONGEST, (*here, "within"))
        if rule.once is not None and rule.once.per == "review":
            self._wrong((*path, "once", "per"), 'a sequence is kept by customer; leave "per" out')
        if not 2 <= len(when.sequence) <= MOST_STEPS:
            n = len(when.sequence)
            text = f"{n} {plural(n, 'event')}, and from 2 to {MOST_STEPS} are possible"
            self._wrong((*here, "sequence"), f"sequence: it has {text}")
        steps = []
        for number, raw in enumerate(when.sequence):
            at = (*here, "sequence", number)
            if isinstance(raw, str):
                self._wrong(at, f"{shown(raw)}; write {{event: {raw}}}")
                continue
            step = validated(written.SequenceStep, raw, self._document, at, self.mistakes, "a map")
            pattern = self._pattern(step, at) if step else None
            if pattern is not None:
                steps.append(pattern)
                if when.same is not None:
                    self._conditions.field(when.same, pattern.event, (*here, "same"))
        if len(steps) < len(when.sequence):
            return None
        return SequenceRule(
            **self._common(rule, Role.CUSTOMER, path, [when.same] if when.same is not None else []),
            given=self._given(rule, Role.CUSTOMER, when.same or "", steps, path),
            steps=tuple(steps), within=when.within.millis, same=when.same,
        )  # fmt: skip

    def _silence(self, rule: written.Rule, path: Path_) -> SilenceRule | None:
        here = (*path, "when")
        if self._scope.is_narrow:
            self._wrong(
                (*path, "overrides"), '"overrides" belongs to rules on one event or on a metric', key=True
            )
        when = validated(written.WhenSilent, rule.when, self._document, here, self.mistakes, "a map")
        if when is None:
            return None
        found = []
        for number, name in enumerate([when.silent] if isinstance(when.silent, str) else when.silent):
            at = (*here, "silent", number) if isinstance(when.silent, list) else (*here, "silent")
            event = self._conditions.event(name, at)
            if event is not None:
                found.append(event)
        if not when.silent:
            self._wrong((*here, "silent"), "silent: the list is empty; write for example contact.replied")
        return SilenceRule(
            **self._common(rule, Role.CUSTOMER, path, [], customer=False), events=tuple(dict.fromkeys(found))
        )

    def _absence(
        self, rule: written.Rule, when: Pattern, common: Mapping[str, Any], path: Path_
    ) -> AbsenceRule | None:
        here = (*path, "unless")
        within = {"within": Span(DAY)} if "within" in (rule.unless or {}) else {}
        unless = validated(written.Unless, rule.unless, self._document, here, self.mistakes, "a map", within)
        other = self._pattern(unless, here) if unless else None
        if unless is None or other is None:
            return None
        if unless.within is not None:
            self._length(unless.within, LONGEST, (*here, "within"))
        elif unless.before is None:
            self._wrong(here, '"within" is missing; write how long the event may take, such as 24h', key=True)
        if unless.before is not None and self._conditions.field(unless.before, when.event, (*here, "before")):
            field = fields.field_of(data_type(when.event), unless.before)
            if field.base != "time":
                self._wrong(
                    (*here, "before"), f"before: {unless.before} is {field}; name a field that is a time"
                )
        if unless.same is not None and self._conditions.field(unless.same, other.event, (*here, "same")):
            self._conditions.field(unless.same, when.event, (*here, "same"))
        if common["role"] is Role.REVIEW and other.event not in REVIEWS:
            self._wrong(
                (*here, "event"),
                f'"{unless.event}" does not reach a rule whose key is the review; say "once: {{per: customer}}" '
                "to make the customer its key",
            )
        if other.event is when.event and set(other.conditions) <= set(when.conditions):
            self._wrong(
                (*here, "event"),
                f'every such "{unless.event}" answers itself, so the rule never fires; add a condition that '
                "tells the two apart",
            )
        return AbsenceRule(
            **common, when=when, unless=other, within=unless.within.millis if unless.within is not None else None,
            before=unless.before, same=unless.same, pause=self._pause(unless, common["role"], here),
        )  # fmt: skip

    def _pause(self, unless: written.Unless, role: Role, path: Path_) -> tuple[Pattern, Pattern] | None:
        here = (*path, "pause")
        if unless.pause is None:
            return None
        if role is Role.REVIEW:
            self._wrong(here, '"pause" belongs to rules whose key is the customer', key=True)
        if unless.before is not None:
            self._wrong(
                here, '"pause" stops a clock, and "before" names a time; take one of them out', key=True
            )
        found = []
        for name, raw in (("from", unless.pause.from_), ("until", unless.pause.until)):
            at = (*here, name)
            step = validated(written.SequenceStep, raw, self._document, at, self.mistakes, "a map")
            pattern = self._pattern(step, at) if step else None
            if pattern is not None:
                found.append(pattern)
                if unless.same is not None:
                    self._conditions.field(unless.same, pattern.event, (*path, "same"))
        return (found[0], found[1]) if len(found) == 2 else None

    def _given(
        self, rule: written.Rule, role: Role, same: str | None, of: Sequence[Pattern], path: Path_
    ) -> tuple[Given, ...]:
        """What the rule wants to be known. same: of a rule on several events, else None. of: its events."""
        here = (*path, "if")
        if rule.if_ is None:
            return ()
        if role is Role.REVIEW:
            self._wrong(
                here, '"if" looks at what is known of a customer; say "once: {per: customer}" to make the customer the '
                "key of this rule", key=True,
            )  # fmt: skip
        several = isinstance(rule.if_, list)
        found = []
        for number, raw in enumerate(rule.if_ if several else [rule.if_]):
            at = (*here, number) if several else here
            given = validated(written.Given, raw, self._document, at, self.mistakes, "a map")
            one = self._known(given, of, at) if given is not None else None
            if one is None:
                continue
            if same is not None and one.same not in (None, same):
                text = f'write "same: {same}" as under "when", or leave it out' if same else "leave it out"
                self._wrong((*at, "same"), f'"{one.same}" may differ between the events of this rule; {text}')
            found.append(one)
        if several and not rule.if_:
            self._wrong(here, "if: the list is empty; take it out")
        return tuple(found)

    def _known(self, given: written.Given, of: Sequence[Pattern], path: Path_) -> Given | None:
        event = given.event if given.event is not None else given.last
        if event is None or (given.event is not None and given.last is not None):
            self._wrong(
                path, 'write either "event", for how many there were, or "last", for what the last one was like',
                key=True,
            )  # fmt: skip
            return None
        self._length(given.within, LONGEST, (*path, "within"))
        last = given.last is not None
        for name in ("at_least", "at_most"):
            if last and getattr(given, name) is not None:
                self._wrong(
                    (*path, name), f'"{name}" belongs to "event"; "last" looks at one event', key=True
                )
        pattern = self._conditions.pattern(event, given.conditions, path)
        if pattern is None:
            return None
        if given.same is not None:
            for one in (pattern, *of):
                self._conditions.field(given.same, one.event, (*path, "same"))
        least = given.at_least if given.at_least is not None else int(given.at_most is None)
        if given.at_most is not None and given.at_most < least:
            self._wrong(
                (*path, "at_most"), f"at_most: {given.at_most} is less than at_least, which is {least}"
            )
        return Given(pattern, given.within.millis, last, least, given.at_most, given.same)

    def _foreign(self, rule: written.Rule, path: Path_, names: Sequence[str], of: str) -> None:
        """What belongs to another kind of rule."""
        for name in names:
            if getattr(rule, name if name not in ("for", "if") else f"{name}_") is not None:
                self._wrong((*path, name), f'"{name}" belongs to {of}', key=True)

    def _common(
        self, rule: written.Rule, role: Role, path: Path_, shows: Sequence[str], *, customer: bool = True
    ) -> dict[str, Any]:
        """What all rules have. shows: the fields whose values its texts may show. customer: is it about one?"""
        _, summary = chosen(rule.summary, self._language)
        sentences = texts(
            rule.summary, rule.message, self._language, shows, customer, lambda at, text: self._wrong((*path, *at), text)
        )  # fmt: skip
        plan = rule.follow_up and Plan(
            rule.follow_up.team,
            rule.follow_up.due,
            tuple((step.after, step.to) for step in rule.follow_up.escalate),
        )
        return {
            "id": rule.id, "summary": summary, "texts": sentences, "severity": "info" if rule.shadow else rule.alert, "role": role,
            "every": _every(rule), "plan": None if rule.shadow else plan, "digest": _digest(rule, self._language),
            "shadow": rule.shadow,
        }  # fmt: skip

    def _role(self, rule: written.Rule, when: Pattern, path: Path_) -> Role:
        natural = Role.REVIEW if when.event in REVIEWS else Role.CUSTOMER
        per = Role(rule.once.per) if rule.once and rule.once.per else natural
        if per is Role.REVIEW and natural is Role.CUSTOMER:
            self._wrong(
                (*path, "once", "per"),
                f'"{when.name}" is kept by customer; say "per: customer", or leave it out',
            )
        return per

    def _lengths(self, rule: written.Rule, path: Path_) -> None:
        """The lengths of time that every kind of rule may have."""
        if rule.once is not None:
            if rule.once.every is not None:
                self._length(rule.once.every, MOST_DAYS * DAY, (*path, "once", "every"))
            elif rule.once.per is None:
                self._wrong((*path, "once"), '"once" says nothing; write for example {every: 30d}', key=True)
        if (task := rule.follow_up) is not None:
            here = (*path, "follow_up")
            steps = [(step.after, (*here, "escalate", n, "after")) for n, step in enumerate(task.escalate)]
            for span, place in [(task.due, (*here, "due")), *steps]:
                self._length(span, MOST_DAYS * (BUSINESS_DAY if span.business else DAY), place)

    def _length(self, span: Span, most: int, path: Path_) -> None:
        if span.millis == 0:
            self._wrong(path, f"{path[-1]}: this is no time at all; write for example 24h")
        elif span.millis > most:
            right = Span(most, business=True) if span.business else duration(most)
            self._wrong(path, f"{path[-1]}: {span} is too long; write at most {right}")

    def _pattern(
        self, when: written.WhenEvent | written.SequenceStep | written.Unless, path: Path_
    ) -> Pattern | None:
        return self._conditions.pattern(when.event, when.conditions, path)


def _every(rule: written.Rule) -> int | None:
    return rule.once.every.millis if rule.once and rule.once.every else None


def _dimensions(when: Mapping[str, Any]) -> list[str]:
    """What a rule on what is measured is told apart by; that it is right is seen elsewhere."""
    found = when.get("by", [])
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _digest(rule: written.Rule, language: str) -> str:
    plain = json.dumps(rule.model_dump(by_alias=True, exclude_unset=True), default=str, sort_keys=True)
    if any(isinstance(text, dict) for text in (rule.summary, rule.message)):
        plain += language
    return hashlib.blake2b(plain.encode(), digest_size=6).hexdigest()
