"""Written rules become compiled ones; everything that is wrong is said at once, with its place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pipeline.errors import Mistake
from pipeline.events.model import CUSTOMER_EVENTS, REVIEWS, Event, data_type, type_name
from pipeline.nearest import did_you_mean
from pipeline.rules import fields
from pipeline.rules import model as written
from pipeline.rules.compiled import AbsenceRule, AnyRule, CountRule, EventRule, Pattern, Plan, Role
from pipeline.rules.limits import compile_metric
from pipeline.span import BUSINESS_DAY, DAY, Span, duration
from pipeline.written import validated
from pipeline.yaml_places import Document, Path_

#: An absence or a count may look back or ahead at most so far (ms).
LONGEST = 90 * DAY
#: A cooldown, a deadline or a step of escalation may be at most so many days, or business days.
MOST_DAYS = 366

#: What the rest of a rule is checked with where these are wrong.
_ANYTHING = {"id": "x", "summary": "x", "alert": "info"}

_EVENTS: Mapping[str, type[Event]] = {
    type_name(event).removeprefix("cx."): event for event in CUSTOMER_EVENTS
}


class Compiler:
    """Compiles the rules of one document. mistakes: all that were found so far."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.mistakes: list[Mistake] = []

    def compile(self) -> list[AnyRule]:
        """The enabled rules that are right."""
        compiled = []
        for path, raw in self._written():
            before = len(self.mistakes)
            model = validated(written.Rule, raw, self._document, path, self.mistakes, "a rule", _ANYTHING)
            if model is None:
                continue
            self._lengths(model, path)
            rule = self._rule(model, path)
            if rule is not None and model.enabled and len(self.mistakes) == before:
                compiled.append(rule)
        return compiled

    def ids(self) -> list[tuple[str, Path_]]:
        """The ids of all rules, also of those that are wrong or not enabled, and where they stand."""
        return [
            (raw["id"], (*path, "id"))
            for path, raw in self._items()
            if isinstance(raw, dict) and isinstance(raw.get("id"), str)
        ]

    def _written(self) -> list[tuple[Path_, Any]]:
        """Each rule with its path, after a look at what is around the rules."""
        data = self._document.data
        begins = 'a rule file begins with "rules:" and a list of rules under it'
        if data is None:
            self._wrong((), f"the file is empty; {begins}")
        elif not isinstance(data, dict):
            self._wrong((), begins)
        else:
            for name in data:
                if name != "rules":
                    self._wrong(
                        (name,), f'"{name}" is not known here; a rule file has only "rules"', key=True
                    )
            if not data:
                self._wrong((), begins)
            elif "rules" in data and not isinstance(data["rules"], list):
                self._wrong(("rules",), 'under "rules:" stands a list of rules, each beginning with "- id:"')
        return self._items()

    def _items(self) -> list[tuple[Path_, Any]]:
        data = self._document.data
        found = data.get("rules") if isinstance(data, dict) else None
        return [(("rules", n), raw) for n, raw in enumerate(found)] if isinstance(found, list) else []

    def _wrong(self, path: Path_, text: str, *, key: bool = False) -> None:
        self.mistakes.append(self._document.mistake(path, text, key=key))

    def _rule(self, rule: written.Rule, path: Path_) -> AnyRule | None:
        here = (*path, "when")
        if "metric" in rule.when:
            for name in ("once", "unless"):
                if getattr(rule, name) is not None:
                    self._wrong((*path, name), f'"{name}" belongs to rules on an event', key=True)
            if "event" in rule.when:
                self._wrong(
                    (*here, "event"), 'a rule is on an "event" or on a "metric", not on both', key=True
                )
                return None
            return compile_metric(
                rule, self._common(rule, Role.CUSTOMER), self._document, path, self.mistakes
            )
        for name, value in (("for", rule.for_), ("clear", rule.clear)):
            if value is not None:
                self._wrong((*path, name), f'"{name}" belongs to rules on a metric', key=True)
        if "event" not in rule.when:
            self._wrong(here, '"when" needs an "event" or a "metric"', key=True)
            return None
        when = validated(written.WhenEvent, rule.when, self._document, here, self.mistakes, "a map")
        pattern = self._pattern(when, here) if when else None
        if when is None or pattern is None:
            return None
        role = self._role(rule, pattern, path)
        if rule.unless is not None:
            if when.count is not None:
                self._wrong((*path, "unless"), "a rule has either a count or an absence, not both", key=True)
                return None
            return self._absence(rule, pattern, role, path)
        if when.count is not None:
            count = when.count
            self._length(count.within, LONGEST, (*here, "count", "within"))
            if count.same is not None:
                self._field(count.same, pattern.event, (*here, "count", "same"))
            return CountRule(
                **self._common(rule, role),
                when=pattern, at_least=count.at_least, within=count.within.millis, same=count.same,
            )  # fmt: skip
        return EventRule(**self._common(rule, role), when=pattern)

    def _absence(self, rule: written.Rule, when: Pattern, role: Role, path: Path_) -> AbsenceRule | None:
        here = (*path, "unless")
        unless = validated(
            written.Unless, rule.unless, self._document, here, self.mistakes, "a map", {"within": "1h"}
        )
        other = self._pattern(unless, here) if unless else None
        if unless is None or other is None:
            return None
        self._length(unless.within, LONGEST, (*here, "within"))
        if unless.same is not None and self._field(unless.same, other.event, (*here, "same")):
            self._field(unless.same, when.event, (*here, "same"))
        if role is Role.REVIEW and other.event not in REVIEWS:
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
            **self._common(rule, role), when=when, unless=other, within=unless.within.millis, same=unless.same
        )

    def _common(self, rule: written.Rule, role: Role) -> dict[str, Any]:
        plan = rule.follow_up and Plan(
            rule.follow_up.team,
            rule.follow_up.due,
            tuple((step.after, step.to) for step in rule.follow_up.escalate),
        )
        return {
            "id": rule.id, "summary": rule.summary, "severity": rule.alert, "role": role,
            "every": _every(rule), "plan": plan, "digest": _digest(rule),
        }  # fmt: skip

    def _role(self, rule: written.Rule, when: Pattern, path: Path_) -> Role:
        natural = Role.REVIEW if when.event in REVIEWS else Role.CUSTOMER
        per = Role(rule.once.per) if rule.once and rule.once.per else natural
        if per is Role.REVIEW and natural is Role.CUSTOMER:
            name = type_name(when.event).removeprefix("cx.")
            self._wrong(
                (*path, "once", "per"), f'"{name}" is kept by customer; say "per: customer", or leave it out'
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

    def _pattern(self, when: written.WhenEvent | written.Unless, path: Path_) -> Pattern | None:
        event = _EVENTS.get(when.event.removeprefix("cx."))
        if event is None:
            self._wrong(
                (*path, "event"), f'unknown event "{when.event}"; {did_you_mean(when.event, _EVENTS)}'
            )
            return None
        conditions = []
        for name, raw in when.conditions.items():
            if not self._field(name, event, (*path, name), key=True):
                continue
            field = fields.field_of(data_type(event), name)
            try:
                conditions.append((name, field.condition(raw)))
            except ValueError as error:
                self._wrong((*path, name), f"{name}: {error}")
        return Pattern(event, tuple(conditions))

    def _field(self, name: str, event: type[Event], path: Path_, *, key: bool = False) -> bool:
        data = data_type(event)
        if fields.known(data, name):
            return True
        of = type_name(event).removeprefix("cx.")
        self._wrong(path, f'"{of}" has no field "{name}"; {did_you_mean(name, fields.names(data))}', key=key)
        return False


def _every(rule: written.Rule) -> int | None:
    return rule.once.every.millis if rule.once and rule.once.every else None


def _digest(rule: written.Rule) -> str:
    plain = json.dumps(rule.model_dump(by_alias=True), default=str, sort_keys=True)
    return hashlib.blake2b(plain.encode(), digest_size=6).hexdigest()
