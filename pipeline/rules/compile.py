"""Written rules become compiled ones; everything that is wrong is said at once, with its place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar, get_type_hints

import msgspec
from pydantic import BaseModel, ValidationError

from pipeline.errors import Mistake
from pipeline.events.model import CUSTOMER_EVENTS, REVIEWS, Data, Event, data_type, type_name
from pipeline.metrics.catalogue import DIMENSIONS, METRICS, WINDOWS
from pipeline.nearest import did_you_mean
from pipeline.rules import condition
from pipeline.rules import model as written
from pipeline.rules.compiled import (
    AbsenceRule,
    AnyRule,
    CountRule,
    EventRule,
    MetricRule,
    Pattern,
    Plan,
    Role,
)
from pipeline.rules.condition import Comparison
from pipeline.span import DAY, duration
from pipeline.yaml_places import Document, Path_

#: An absence or a count may look back or ahead at most so far (ms).
LONGEST = 90 * DAY

M = TypeVar("M", bound=BaseModel)

_EVENTS: Mapping[str, type[Event]] = {
    type_name(event).removeprefix("cx."): event for event in CUSTOMER_EVENTS
}


class Compiler:
    """Compiles the rules of one document. mistakes: all that were found so far."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.mistakes: list[Mistake] = []

    def compile(self) -> list[tuple[AnyRule, Path_]]:
        """The enabled rules that are right, each with its path in the document."""
        data = self._document.data
        if not isinstance(data, dict) or not isinstance(data.get("rules"), list):
            self._wrong((), 'a rule file begins with "rules:" and a list of rules under it')
            return []
        for name in data:
            if name != "rules":
                self._wrong((name,), f'"{name}" is not known here; a rule file has only "rules"')
        compiled = []
        for number, raw in enumerate(data["rules"]):
            path: Path_ = ("rules", number)
            model = self._validated(written.Rule, raw, path)
            if model is None:
                continue
            before = len(self.mistakes)
            rule = self._rule(model, path)
            if rule is not None and model.enabled and len(self.mistakes) == before:
                compiled.append((rule, path))
        return compiled

    def _wrong(self, path: Path_, text: str) -> None:
        self.mistakes.append(self._document.mistake(path, text))

    def _validated(self, model: type[M], raw: Any, path: Path_) -> M | None:
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            fields = [field.alias or name for name, field in model.model_fields.items()]
            for wrong in error.errors():
                where: Path_ = (*path, *wrong["loc"])
                name = str(wrong["loc"][-1]) if wrong["loc"] else ""
                if wrong["type"] == "extra_forbidden":
                    known = fields if len(wrong["loc"]) == 1 else _fields_at(model, wrong["loc"][:-1])
                    text = f'"{name}" is not known here; {did_you_mean(name, known)}'
                elif wrong["type"] == "missing":
                    text = f'"{name}" is missing'
                else:
                    text = f"{name}: {wrong['msg'].removeprefix('Value error, ')}"
                self._wrong(where, text)
            return None

    def _rule(self, rule: written.Rule, path: Path_) -> AnyRule | None:
        if "metric" in rule.when:
            return self._metric(rule, path)
        if rule.for_ is not None or rule.clear is not None:
            self._wrong(
                (*path, "for" if rule.for_ else "clear"), '"for" and "clear" belong to rules on a metric'
            )
        if "event" not in rule.when:
            self._wrong((*path, "when"), '"when" needs an "event" or a "metric"')
            return None
        when = self._validated(written.WhenEvent, rule.when, (*path, "when"))
        pattern = self._pattern(when, (*path, "when")) if when else None
        if when is None or pattern is None:
            return None
        role = self._role(rule, pattern, path)
        if rule.unless is not None:
            if when.count is not None:
                self._wrong((*path, "unless"), "a rule has either a count or an absence, not both")
                return None
            return self._absence(rule, pattern, role, path)
        if when.count is not None:
            count = when.count
            self._length(count.within.millis, (*path, "when", "count", "within"))
            if count.same is not None:
                self._field(count.same, pattern.event, (*path, "when", "count", "same"))
            every = _every(rule) or count.within.millis
            return CountRule(
                **self._common(rule, role) | {"every": every},
                when=pattern, at_least=count.at_least, within=count.within.millis, same=count.same,
            )  # fmt: skip
        return EventRule(**self._common(rule, role), when=pattern)

    def _absence(self, rule: written.Rule, when: Pattern, role: Role, path: Path_) -> AbsenceRule | None:
        here = (*path, "unless")
        unless = self._validated(written.Unless, rule.unless, here)
        other = self._pattern(unless, here) if unless else None
        if unless is None or other is None:
            return None
        self._length(unless.within.millis, (*here, "within"))
        if unless.same is not None:
            self._field(unless.same, when.event, (*here, "same"))
            self._field(unless.same, other.event, (*here, "same"))
        if role is Role.REVIEW and other.event not in REVIEWS:
            self._wrong(
                (*here, "event"),
                f'"{unless.event}" does not reach a rule whose key is the review; say "once: {{per: customer}}" '
                "to make the customer its key",
            )
        return AbsenceRule(
            **self._common(rule, role), when=when, unless=other, within=unless.within.millis, same=unless.same
        )

    def _metric(self, rule: written.Rule, path: Path_) -> MetricRule | None:
        here = (*path, "when")
        when = self._validated(written.WhenMetric, rule.when, here)
        for name in ("once", "unless"):
            if getattr(rule, name) is not None:
                self._wrong((*path, name), f'"{name}" belongs to rules on an event')
        if when is None:
            return None
        if when.metric not in METRICS:
            self._wrong(
                (*here, "metric"), f'unknown metric "{when.metric}"; {did_you_mean(when.metric, METRICS)}'
            )
        for number, dimension in enumerate(when.by):
            if dimension not in DIMENSIONS:
                text = f'no event carries the dimension "{dimension}"; {did_you_mean(dimension, DIMENSIONS)}'
                self._wrong((*here, "by", number), text)
        if when.over.millis not in WINDOWS.values():
            self._wrong(
                (*here, "over"), f"metrics roll over {', '.join(WINDOWS)}, not {duration(when.over.millis)}"
            )
        limit = self._limit(when.is_, (*here, "is"), "< 20")
        samples = self._limit(
            when.samples if when.samples is not None else ">= 1", (*here, "samples"), ">= 50"
        )
        clear = self._limit(rule.clear, (*path, "clear"), ">= 25") if rule.clear is not None else None
        if limit is None or samples is None:
            return None
        return MetricRule(
            **self._common(rule, Role.CUSTOMER), metric=when.metric, by=tuple(sorted(when.by)), window=when.over.millis,
            limit=limit, samples=samples, hold=rule.for_.millis if rule.for_ else 0, clear=clear,
        )  # fmt: skip

    def _limit(self, text: str | int, path: Path_, example: str) -> Comparison | None:
        try:
            return condition.limit(f">= {text}" if isinstance(text, int) else text, example)
        except ValueError as error:
            self._wrong(path, str(error))
            return None

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

    def _length(self, millis: int, path: Path_) -> None:
        if not 0 < millis <= LONGEST:
            self._wrong(path, f"must be more than 0 and at most {duration(LONGEST)}, not {duration(millis)}")

    def _pattern(self, when: written.WhenEvent | written.Unless, path: Path_) -> Pattern | None:
        event = _EVENTS.get(when.event.removeprefix("cx."))
        if event is None:
            self._wrong(
                (*path, "event"), f'unknown event "{when.event}"; {did_you_mean(when.event, _EVENTS)}'
            )
            return None
        conditions = []
        for name, raw in when.conditions.items():
            if not self._field(name, event, (*path, name)):
                continue
            try:
                comparison = condition.parse(raw)
                _check_value(name, comparison, data_type(event))
            except ValueError as error:
                self._wrong((*path, name), f"{name}: {error}")
                continue
            conditions.append((name, comparison))
        return Pattern(event, tuple(conditions))

    def _field(self, name: str, event: type[Event], path: Path_) -> bool:
        fields = data_type(event).__struct_fields__
        if name in fields or (name.startswith("attributes.") and len(name) > len("attributes.")):
            return True
        of = type_name(event).removeprefix("cx.")
        self._wrong(path, f'"{of}" has no field "{name}"; {did_you_mean(name, fields)}')
        return False


def _fields_at(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The names that are known at a path of a model."""
    names: dict[str, type[BaseModel]] = {
        "once": written.Once, "follow_up": written.FollowUp, "escalate": written.Escalation, "count": written.Count,
    }  # fmt: skip
    inner = next((names[part] for part in reversed(path) if isinstance(part, str) and part in names), model)
    return [field.alias or name for name, field in inner.model_fields.items()]


def _every(rule: written.Rule) -> int | None:
    return rule.once.every.millis if rule.once and rule.once.every else None


def _digest(rule: written.Rule) -> str:
    plain = json.dumps(rule.model_dump(by_alias=True), default=str, sort_keys=True)
    return hashlib.blake2b(plain.encode(), digest_size=6).hexdigest()


def _check_value(name: str, comparison: Comparison, data: type[Data]) -> None:
    """Raises ValueError where the field can never have such a value."""
    if name.startswith("attributes."):
        return
    kind = get_type_hints(data, include_extras=True)[name]
    values = comparison.right if comparison.sign == "in" else (comparison.right,)
    if comparison.sign in ("<", "<=", ">", ">=") and (
        isinstance(comparison.right, bool | str) or _takes(kind, "x") or _takes(kind, True)
    ):
        raise ValueError(f'"{comparison}" compares with a number, which this field or value is not')
    for value in values:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise ValueError(f"{value!r} can never be its value: {str(error).split(' - at')[0]}") from error
    if datetime in getattr(kind, "__args__", ()):
        raise ValueError("times are not compared in conditions")


def _takes(kind: Any, value: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True
