"""What a rule measures: a metric of the catalogue, the share of events that match among others, or their number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.errors import Mistake
from pipeline.events.model import EVENTS_BY_NAME, Event, data_type, event_name
from pipeline.metrics.catalogue import DIMENSIONS, METRICS, TEAM, Metric, number_of, share_of
from pipeline.nearest import did_you_mean
from pipeline.plural import plural
from pipeline.rules import fields
from pipeline.rules import model as written
from pipeline.rules.compiled import Matches, Measured
from pipeline.rules.conditions import Conditions
from pipeline.rules.pattern import Condition, Pattern, Term
from pipeline.written import shown
from pipeline.yaml_places import Document, Path_

When = written.WhenMetric | written.WhenShare | written.WhenNumber
#: The field of "when" that says what is measured, and its shape.
MEASURED: Mapping[str, type[When]] = {
    "metric": written.WhenMetric,
    "share": written.WhenShare,
    "number": written.WhenNumber,
}


class Subjects:
    """Reads what the rule at a path measures. What is wrong is added to `mistakes`."""

    def __init__(
        self, document: Document, path: Path_, mistakes: list[Mistake], conditions: Conditions
    ) -> None:
        self._document, self._path, self._mistakes = document, path, mistakes
        self._conditions = conditions

    def measured(self, when: When, by: tuple[str, ...]) -> Measured | None:
        """What is measured, by dimensions; None where nobody can say."""
        for number, name in enumerate(when.by):
            if name in when.by[:number]:
                self._wrong(("by", number), f'"{name}" stands twice; keep one of them')
        if isinstance(when, written.WhenMetric):
            return self._metric(when)
        if isinstance(when, written.WhenNumber):
            pattern = self._pattern(when.number, ("number",))
            if pattern is None:
                return None
            self._dimensions(when, pattern.event)
            matches = Matches(pattern, by)
            title = f"the number of {{}}{_with(pattern.conditions)}"
            return Measured(pattern.name, number_of(pattern.name, matches.count), title, (matches,))
        return self._share(when, by)

    def _metric(self, when: written.WhenMetric) -> Measured:
        for number, name in enumerate(when.by):
            if name not in DIMENSIONS:
                self._wrong(
                    ("by", number),
                    f'no event carries the dimension "{name}"; {did_you_mean(name, DIMENSIONS)}',
                )
        if when.metric in METRICS:
            self._told_apart(METRICS[when.metric], when)
            return Measured(when.metric, METRICS[when.metric])
        self._wrong(("metric",), f'unknown metric "{when.metric}"; {did_you_mean(when.metric, METRICS)}')
        return Measured(when.metric, number_of(when.metric, ""))  # so that the rest is looked at, too

    def _told_apart(self, metric: Metric, when: written.WhenMetric) -> None:
        """What none of its events carries leaves no series to look at."""
        if not metric.sources:
            return
        kinds = [data_type(EVENTS_BY_NAME[name]) for name in metric.sources]
        for number, name in enumerate(when.by):
            if name in DIMENSIONS and name != TEAM and not any(fields.known(kind, name) for kind in kinds):
                have = plural(len(kinds), "has", "have")
                text = f'{when.metric} is of {" and ".join(metric.sources)}, which {have} no "{name}"; the rule never fires'
                self._wrong(("by", number), text)

    def _share(self, when: written.WhenShare, by: tuple[str, ...]) -> Measured | None:
        part = self._pattern(when.share, ("share",))
        if part is None:
            return None
        self._dimensions(when, part.event)
        if not part.conditions:
            self._wrong(
                ("share",),
                f"share: of all {part.name} this is all; add conditions, such as {{event: {part.name}, channel: web}}",
            )
        here = (*self._path, "of")
        whole = self._conditions.pattern(part.name, when.of, here) if when.of else Pattern(part.event)
        if whole is None:
            return None
        both = Pattern(part.event, (*whole.conditions, *part.conditions))
        self._conditions.check(part.event, both.conditions, (*self._path, "share"))
        among = f" among those{_with(whole.conditions)}" if whole.conditions else ""
        matches = (Matches(both, by, whole), Matches(whole, by))
        metric = share_of(part.name, *(one.count for one in matches))
        return Measured(part.name, metric, f"the share of {{}}{_with(part.conditions)}{among}", matches)

    def _pattern(self, raw: Mapping[str, Any], path: Path_) -> Pattern | None:
        name = raw.get("event")
        here = (*self._path, *path)
        if not isinstance(name, str):
            what = shown(name) if "event" in raw else '"event" is missing'
            self._wrong(path, f"{what}; write the name of an event, such as {{event: contact.opened}}")
            return None
        rest = {field: condition for field, condition in raw.items() if field != "event"}
        return self._conditions.pattern(name, rest, here)

    def _dimensions(self, when: When, event: type[Event]) -> None:
        for number, name in enumerate(when.by):
            here = (*self._path, "by", number)
            if self._conditions.field(name, event, here):
                check_by(name, event, here, self._wrong_at)

    def _wrong(self, path: Path_, text: str) -> None:
        self._wrong_at((*self._path, *path), text)

    def _wrong_at(self, path: Path_, text: str) -> None:
        self._mistakes.append(self._document.mistake(path, text))


def check_by(name: str, event: type[Event], path: Path_, wrong: Callable[[Path_, str], None]) -> None:
    """Say where events cannot be told apart by a field that they have."""
    field = fields.field_of(data_type(event), name)
    place = next(part for part in reversed(path) if isinstance(part, str))
    if field.base not in ("text", "choice", "switch", "anything"):
        wrong(
            path, f'{place}: {event_name(event)} is not told apart by "{name}", which is {field}; name a text'
        )


def _with(conditions: Sequence[Condition]) -> str:
    """Conditions in a sentence."""
    return f" with {' and '.join(_said(one) for one in conditions)}" if conditions else ""


def _said(condition: Condition) -> str:
    if isinstance(condition, Term):
        return f"{condition.field} {condition.comparison}"
    return " or ".join(f"({' and '.join(map(_said, way))})" for way in condition.ways)
