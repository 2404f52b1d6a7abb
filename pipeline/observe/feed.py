"""What the live page knows: the newest alerts, the follow-ups and the board's numbers, in bounded memory.

Fed at least once with records of our own topics, in any order across partitions: taking a record
twice changes nothing, and a later state never goes back to an earlier one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import MsgspecError

from pipeline.metrics import counts as c
from pipeline.metrics.shorthand import expanded
from pipeline.observe.entries import Alert, FollowUp
from pipeline.observe.history import History
from pipeline.observe.panes import OTHER, Panes
from pipeline.observe.records import (
    ALERT_STATES,
    FOLLOW_UP_TYPES,
    ordinal,
    read_alert,
    read_counts,
    read_follow_up,
    totals,
)
from pipeline.observe.scoreboard import Scoreboard
from pipeline.observe.views import BoardView

HOUR = 3_600_000
#: Rules that are told apart in counts; further ones are counted together.
MOST_RULES = 500
#: Shards whose position is remembered.
MOST_SHARDS = 10_000
#: Severities, the most pressing first; others are counted together.
SEVERITIES = ("critical", "warning", "info")

#: Activity → the counts of a pane that it sums.
ACTIVITY = {
    "nps_answers": (c.PROMOTERS, c.PASSIVES, c.DETRACTORS),
    "reviews": (c.REVIEW_COUNT,),
    "first_replies": (f"{c.FIRST_RESPONSE}{c.TIMES_COUNT}",),
}


class Feed:
    """The live page's memory.

    changed: goes up with everything that a page would show.
    malformed: topic → records that could not be read.
    newest: the greatest event time seen in a record, ms UTC; None before the first.
    scoreboard: the last look at the board; None when this worker does not keep it.
    history: how the board's totals moved.
    panes: fired alerts over event time, by (rule, severity).
    activity: what customers and agents did over event time, by the names of `ACTIVITY`.
    fired: rule → alerts fired since the feed began.
    happened: what else has happened since, such as `followup.opened` or `alert.retracted`, how often.
        Closing what is closed, and reopening what is open, are not counted: those that were opened, with
        those reopened and without those closed, are open now.
    forgotten: follow-ups that were dropped though not closed, for want of room.
    behind_s: how old what was taken last was then; whoever feeds it says so.
    """

    def __init__(
        self,
        *,
        alerts: int = 200,
        follow_ups: int = 5_000,
        closed_for: int = 24 * HOUR,
        ids: int = 50_000,
        points: int = 2_000,
    ) -> None:
        """alerts, follow_ups, ids, points: the most that are kept. closed_for: ms of event time."""
        self.changed = 0
        self.malformed = {"alerts": 0, "followups": 0, "metrics": 0}
        self.newest: int | None = None
        self.scoreboard: Scoreboard | None = None
        self.history = History(points)
        self.panes: Panes[tuple[str, str]] = Panes()
        self.activity: Panes[str] = Panes()
        self.fired: Counter[str] = Counter()
        self.happened: Counter[str] = Counter()
        self.forgotten = 0
        self.behind_s = 0.0
        self._most_alerts = alerts
        self._most_follow_ups = follow_ups
        self._most_ids = ids
        self._closed_for = closed_for
        self._alerts: dict[str, Alert] = {}
        self._follow_ups: dict[str, FollowUp] = {}
        #: Those of records that were taken, in two generations: when the younger one is full, the older one goes.
        self._ids: set[str] = set()
        self._older_ids: set[str] = set()
        self._counted: dict[str, int] = {}

    def alert(self, value: bytes | None) -> None:
        """Take a record of `cx.alerts`."""
        try:
            record = read_alert(value or b"")
            alert = Alert.read(record, ALERT_STATES[record.type])
        except (MsgspecError, ValueError, KeyError):
            self._malformed("alerts")
            return
        if not self._is_new(record.id):
            return
        self._saw(alert.changed)
        if not alert.shadow:
            self.happened[f"alert.{alert.state}"] += 1
        if alert.state == "fired" and not alert.shadow:
            rule = alert.rule if alert.rule in self.fired or len(self.fired) < MOST_RULES else OTHER
            self.fired[rule] += 1
            self.panes.add(alert.changed, (rule, alert.severity if alert.severity in SEVERITIES else OTHER))
        self._keep(alert)
        self.changed += 1

    def followup(self, value: bytes | None) -> None:
        """Take a record of `cx.followups`."""
        try:
            record = read_follow_up(value or b"")
            if record.type not in FOLLOW_UP_TYPES:
                raise ValueError(record.type)
            one = FollowUp.read(record, ordinal(record.id))
        except (MsgspecError, ValueError):
            self._malformed("followups")
            return
        if not self._is_new(record.id):
            return
        self._saw(one.changed)
        known = self._follow_ups.get(one.followup_id)
        is_turn = record.type in ("cx.followup.closed", "cx.followup.reopened")
        if not is_turn or known is None or known.status != one.status:
            self.happened["followup.overdue" if one.late else record.type.removeprefix("cx.")] += 1
        self._follow_ups[one.followup_id] = one if known is None else known.merged(one)
        if len(self._follow_ups) > self._most_follow_ups:
            self._make_room()
        self.changed += 1

    def metrics(self, value: bytes | None) -> None:
        """Take a record of `cx.metrics`: counts of a shard, each once."""
        try:
            record = read_counts(value or b"")
            counted = list(totals(record))
        except (MsgspecError, ValueError, IndexError):
            self._malformed("metrics")
            return
        if 0 <= record.offset <= self._counted.get(record.shard, -1):
            return
        self._counted[record.shard] = record.offset
        if len(self._counted) > MOST_SHARDS:
            del self._counted[next(iter(self._counted))]
        for end, counts in counted:
            self._count(end, expanded(counts))
        self.changed += 1

    def is_behind(self, seconds: float) -> None:
        """How old what was taken last is."""
        self.behind_s = seconds

    def sample(self, board: BoardView | None) -> None:
        """Look at the board, where this worker keeps it; a newly judged pane becomes a point of the history."""
        if board is None:
            self.changed += self.scoreboard is not None
            self.scoreboard = None
            return
        seen = Scoreboard.read(board)
        if seen == self.scoreboard:
            return
        self.scoreboard = seen
        self.changed += 1
        for window, at in seen.at.items():
            totals = seen.total(window).metrics
            self.history.add(window, at, {metric: result for metric, (result, _) in totals.items()})

    def alerts(self) -> list[Alert]:
        """The newest alerts: those that became known or changed last come first, whatever their event time."""
        return [*reversed(self._alerts.values())]

    def follow_ups(self, now: int | None) -> list[FollowUp]:
        """Those that are not closed, the most urgent first. now: event time, ms UTC."""
        waiting = (one for one in self._follow_ups.values() if one.status != "closed")
        return sorted(waiting, key=lambda one: (*one.urgency(now), one.followup_id))

    def closed(self) -> list[FollowUp]:
        """Those that were closed within `closed_for` of the newest record, the newest first."""
        since = (self.newest or 0) - self._closed_for
        done = (one for one in self._follow_ups.values() if one.status == "closed" and one.changed >= since)
        return sorted(done, key=lambda one: (-one.changed, one.followup_id))

    def _keep(self, alert: Alert) -> None:
        known = self._alerts.get(alert.alert_id)
        now = alert if known is None else known.merged(alert)
        if now == known:
            return
        # In order of arrival: what is only known when much time has passed is news, too.
        self._alerts.pop(alert.alert_id, None)
        self._alerts[alert.alert_id] = now
        if len(self._alerts) > self._most_alerts:
            del self._alerts[next(iter(self._alerts))]

    def _count(self, end: int, counts: Mapping[str, int]) -> None:
        for name, summed in ACTIVITY.items():
            if number := sum(counts.get(one, 0) for one in summed):
                self.activity.add(end, name, number)

    def _malformed(self, topic: str) -> None:
        self.malformed[topic] += 1
        self.changed += 1

    def _is_new(self, event_id: str) -> bool:
        event_id = event_id[-100:]
        if event_id in self._ids or event_id in self._older_ids:
            return False
        if len(self._ids) >= self._most_ids // 2:
            self._older_ids, self._ids = self._ids, set()
        self._ids.add(event_id)
        return True

    def _saw(self, at: int) -> None:
        if self.newest is None or at > self.newest:
            self.newest = at

    def _make_room(self) -> None:
        """Drop what was closed long enough ago.

        Where that is too little, a quarter of all goes, for to choose them takes long: closed ones first, then those
        that are due last.
        """
        recent = self.closed()
        waiting = self.follow_ups(self.newest)
        keep = [*waiting, *recent]
        del keep[self._most_follow_ups * 3 // 4 :]
        self.forgotten += max(0, len(waiting) - len(keep))
        self._follow_ups = {one.followup_id: one for one in keep}
