"""Reads the dimensions of events: by what metrics can be told apart."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, Final

from pipeline.events.journey import Journey
from pipeline.events.model import Data
from pipeline.metrics.catalogue import DIMENSIONS
from pipeline.state.records import Dims, Series

#: A name that is not a field's has no limit of its own (characters).
_LONGEST: Final = 256
#: Reads some dimensions of an event's data.
Read = Callable[[Any], Dims]


def reader(names: Sequence[str], data_type: type[Data], journey: Journey) -> Read:
    """Reads dimensions, in this order, of one class of data; those that it lacks are None.

    The stage comes from the journey where the event has none, the team from `attributes` where there is no such field.
    """
    fields = data_type.__struct_fields__
    plain = [name for name in names if name in fields]
    read = _attributes(plain)
    if "stage" in plain:
        read = _with_stage(read, plain.index("stage"), journey)
    if len(plain) == len(names):
        return read
    return _spread(read, plain, names)


class Groupings:
    """Sets of dimensions that are counted apart, beside the total.

    needed: the dimensions that they are made of, in the order of DIMENSIONS.
    """

    def __init__(self, groupings: Sequence[tuple[str, ...]]) -> None:
        self._of = tuple(dict.fromkeys(tuple(sorted(grouping)) for grouping in groupings if grouping))
        wanted = {name for grouping in self._of for name in grouping}
        self.needed = tuple(name for name in DIMENSIONS if name in wanted)
        self._places = [(names, [self.needed.index(name) for name in names]) for names in self._of]
        self._among = [DIMENSIONS.index(name) for name in self.needed]

    def narrow(self, all_dims: Dims) -> Dims:
        """The values that are needed, of those of all DIMENSIONS."""
        return tuple([all_dims[place] for place in self._among])

    def series(self, dims: Dims) -> tuple[Series, ...]:
        """Where something with these values counts. dims: of `needed`."""
        found: list[Series] = [()]
        for names, places in self._places:
            pairs = [(name, dims[place]) for name, place in zip(names, places, strict=True)]
            if all(value is not None for _, value in pairs):
                found.append(tuple((name, value) for name, value in pairs if value is not None))
        return tuple(found)


def _attributes(names: Sequence[str]) -> Read:
    if len(names) == 1:  # attrgetter would not make a tuple of one
        (only,) = names
        return lambda data: (getattr(data, only),)
    if not names:
        return lambda data: ()
    return operator.attrgetter(*names)


def _with_stage(read: Read, stage: int, journey: Journey) -> Read:
    stage_of = journey.stage

    def dims(data: Data) -> Dims:
        values = read(data)
        if values[stage] is None and (found := stage_of(data.touchpoint)) is not None:
            return (*values[:stage], found, *values[stage + 1 :])
        return values

    return dims


def _spread(read: Read, plain: Sequence[str], names: Sequence[str]) -> Read:
    """Put what was read where it belongs, among dimensions that the data does not have as fields."""
    missing = len(names) - len(plain)
    nothing: Dims = (None,) * missing
    team_at = names.index("team") if "team" in names and "team" not in plain else -1
    in_order = tuple(names[: len(plain)]) == tuple(plain)

    def dims(data: Data) -> Dims:
        values = read(data)
        if not in_order:
            by_name = dict(zip(plain, values, strict=True))
            values = tuple([by_name.get(name) for name in names])
        else:
            values = values + nothing
        if team_at >= 0 and data.attributes is not None:
            found = data.attributes.get("team")
            if isinstance(found, str) and found:
                return (*values[:team_at], found[:_LONGEST], *values[team_at + 1 :])
        return values

    return dims
