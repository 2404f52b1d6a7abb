"""Two rule sets over the same events: what the new one would add, remove and move."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pipeline.authoring.backtest import Fired, Told
from pipeline.span import DAY

#: An alert of the same rule and key that is at most so far away (ms) is the same one, moved.
NEAR = 7 * DAY


@dataclass(frozen=True, slots=True)
class RuleChange:
    """Alerts of one rule. kept: the same at the same time. shadow: it is on trial now."""

    rule: str
    old: int
    new: int
    kept: int
    added: int
    removed: int
    moved: int
    shadow: bool


@dataclass(frozen=True, slots=True)
class TeamLoad:
    """Follow-ups of one team a day: the mean, and those of the busiest day, before and after."""

    team: str
    old: float
    new: float
    old_most: int
    new_most: int


@dataclass(frozen=True, slots=True)
class Day:
    """Alerts (without those on trial) and follow-ups of one day (UTC)."""

    day: date
    old_alerts: int
    new_alerts: int
    old_followups: int
    new_followups: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs. added, removed, moved (old, new): in order of time, those on trial too; days: all of them."""

    old: Told
    new: Told
    rules: Sequence[RuleChange]
    teams: Sequence[TeamLoad]
    days: Sequence[Day]
    added: Sequence[Fired]
    removed: Sequence[Fired]
    moved: Sequence[tuple[Fired, Fired]]

    @property
    def acting_added(self) -> int:
        """How many are added that somebody would have to act on."""
        return sum(not one.shadow for one in self.added)

    @property
    def acting_removed(self) -> int:
        """How many are removed that somebody had to act on."""
        return sum(not one.shadow for one in self.removed)


def compare(old: Told, new: Told) -> Comparison:
    """Compare what two rule sets did."""
    gone = [one for one in old.fired.values() if one.alert_id not in new.fired]
    come = [one for one in new.fired.values() if one.alert_id not in old.fired]
    both = [(one, new.fired[one.alert_id]) for one in old.fired.values() if one.alert_id in new.fired]
    moved = [pair for pair in both if pair[0].at != pair[1].at]
    paired = _paired(gone, come)
    moved = sorted([*moved, *paired], key=lambda pair: (pair[1].at, pair[1].alert_id))
    known = {one.alert_id for pair in paired for one in pair}
    added = sorted((one for one in come if one.alert_id not in known), key=_when)
    removed = sorted((one for one in gone if one.alert_id not in known), key=_when)
    days = _days(old, new)
    return Comparison(
        old,
        new,
        _rules(old, new, added, removed, moved),
        _teams(old, new, len(days)),
        days,
        added,
        removed,
        moved,
    )


def _paired(gone: Iterable[Fired], come: Iterable[Fired]) -> list[tuple[Fired, Fired]]:
    """Of the same rule and key, each that is gone with the nearest that has come, the nearest pairs first."""
    places: dict[tuple[str, str], list[Fired]] = {}
    for one in sorted(come, key=_when):
        places.setdefault((one.rule, one.key), []).append(one)
    near = []
    for one in gone:
        of = places.get((one.rule, one.key), [])
        for other in of[bisect_left(of, one.at - NEAR, key=lambda fired: fired.at) :]:
            if other.at > one.at + NEAR:
                break
            near.append((abs(other.at - one.at), one.at, one.alert_id, other.alert_id, one, other))
    pairs, taken = [], set[str]()
    for _, _, first, second, one, other in sorted(near, key=lambda found: found[:4]):
        if first not in taken and second not in taken:
            taken |= {first, second}
            pairs.append((one, other))
    return pairs


def _rules(
    old: Told, new: Told, added: Iterable[Fired], removed: Iterable[Fired], moved: Iterable[tuple[Fired, Fired]]
) -> list[RuleChange]:  # fmt: skip
    before, after = (Counter(one.rule for one in told.fired.values()) for told in (old, new))
    more, less = Counter(one.rule for one in added), Counter(one.rule for one in removed)
    others = Counter(one.rule for _, one in moved)
    shadows = {one.rule for one in new.fired.values() if one.shadow}
    return [
        RuleChange(
            rule, before[rule], after[rule], after[rule] - more[rule] - others[rule], more[rule], less[rule],
            others[rule], rule in shadows,
        )
        for rule in sorted({*before, *after})
    ]  # fmt: skip


def _days(old: Told, new: Told) -> list[Day]:
    times = [at for told in (old, new) for at in (told.first, told.last) if at >= 0]
    # What an absence says may lie behind the last event, and is no day of these events.
    if not times:
        return []
    first, last = _day(min(times)), _day(max(times))
    alerts = [Counter(_day(one.at) for one in told.fired.values() if not one.shadow) for told in (old, new)]
    tasks = [Counter(_day(at) for at, _ in told.opened) for told in (old, new)]
    number = (last - first).days + 1
    return [
        Day(day, *(count[day] for count in (*alerts, *tasks)))
        for day in (first + timedelta(days=n) for n in range(number))
    ]


def _teams(old: Told, new: Told, days: int) -> list[TeamLoad]:
    before, after = (_of_teams(told) for told in (old, new))
    loads = []
    for team in sorted({*before, *after}):
        old_days, new_days = (of.get(team, Counter()).values() for of in (before, after))
        mean = [sum(of) / max(days, 1) for of in (old_days, new_days)]
        most = [max(of, default=0) for of in (old_days, new_days)]
        loads.append(TeamLoad(team, mean[0], mean[1], most[0], most[1]))
    return loads


def _of_teams(told: Told) -> Mapping[str, Counter[date]]:
    found: dict[str, Counter[date]] = {}
    for at, team in told.opened:
        found.setdefault(team, Counter())[_day(at)] += 1
    return found


def _day(at: int) -> date:
    return datetime.fromtimestamp(at / 1000, UTC).date()


def _when(one: Fired) -> tuple[int, str]:
    return one.at, one.alert_id
