"""Reads the dimensions of events: by what metrics can be told apart."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec.structs import astuple

from pipeline.events.journey import Journey
from pipeline.events.model import Data
from pipeline.metrics.catalogue import DIMENSIONS
from pipeline.state.records import Dims, Series

#: A name that is not a field's has no limit of its own (characters).
_LONGEST: Final = 256
#: So many combinations of values are kept at hand.
_REMEMBERED: Final = 10_000
#: Reads some dimensions of an event's data.
Read = Callable[[Any], Dims]


def reader(names: Sequence[str], data_type: type[Data], journey: Journey) -> Read:
    """Reads dimensions, in this order, of one class of data; those that it lacks are None.

    The stage comes from the journey where the event has none, the team from `attributes` where there is no such field.
    """
    there = data_type.__struct_fields__
    fields = [name for name in names if name in there]
    if "stage" in fields and "touchpoint" not in fields:
        fields.append("touchpoint")
    # All fields of an event at once cost what two of them cost by name.
    pick, known = _picked([there.index(name) for name in fields]), dict[Dims, Dims]()
    team_at = names.index("team") if "team" in names and "team" not in fields else -1
    attributes_at = there.index("attributes")

    def dims(data: Data) -> Dims:
        row = astuple(data)
        values = pick(row)
        found = known.get(values)  # events have the same values again and again
        if found is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            found = known[values] = _completed(dict(zip(fields, values, strict=True)), names, journey)
        if team_at >= 0 and (attributes := row[attributes_at]) is not None:
            team = attributes.get("team")
            if isinstance(team, str) and team:
                return (*found[:team_at], team[:_LONGEST], *found[team_at + 1 :])
        return found

    return dims


class Groupings:
    """Sets of dimensions that are counted apart, beside the total.

    needed: the dimensions that they are made of, in the order of DIMENSIONS.
    """

    def __init__(self, groupings: Sequence[tuple[str, ...]]) -> None:
        self._of = tuple(dict.fromkeys(tuple(sorted(grouping)) for grouping in groupings if grouping))
        wanted = {name for grouping in self._of for name in grouping}
        self.needed = tuple(name for name in DIMENSIONS if name in wanted)
        self._places = [(names, [self.needed.index(name) for name in names]) for names in self._of]
        #: The values that are needed, of those of all DIMENSIONS.
        self.narrow = _picked([DIMENSIONS.index(name) for name in self.needed])

    def series(self, dims: Dims) -> tuple[Series, ...]:
        """Where something with these values counts. dims: of `needed`."""
        found: list[Series] = [()]
        for names, places in self._places:
            pairs = [(name, dims[place]) for name, place in zip(names, places, strict=True)]
            if all(value is not None for _, value in pairs):
                found.append(tuple((name, value) for name, value in pairs if value is not None))
        return tuple(found)


def _picked(places: Sequence[int]) -> Callable[[tuple[Any, ...]], Dims]:
    if len(places) > 1:
        return operator.itemgetter(*places)
    return lambda row: tuple([row[place] for place in places])  # itemgetter would not make a tuple of one


def _completed(values: dict[str, str | None], names: Sequence[str], journey: Journey) -> Dims:
    if "stage" in values and values["stage"] is None:
        values["stage"] = journey.stage(values["touchpoint"])
    return tuple([values.get(name) for name in names])
