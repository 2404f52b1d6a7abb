"""The status page's content: sections of plain values, made at most twice a second for all browsers."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import add

import structlog
from msgspec.json import encode

from pipeline.events.journey import NO_JOURNEY, Journey
from pipeline.metrics.catalogue import METRICS
from pipeline.metrics.measures import GROUPS
from pipeline.observe.entries import Alert, FollowUp
from pipeline.observe.feed import ACTIVITY, SEVERITIES, Feed
from pipeline.observe.scoreboard import Scoreboard, Scores
from pipeline.observe.truth import WAITING, Pulse, Truth
from pipeline.observe.views import DIMENSIONS, STUCK, BoardView, Health, PartitionView
from pipeline.web.journey import cut, journey_map

#: Seconds between two looks.
BEAT_S = 0.5
#: Older news is said to be old (s).
LATE_S = 10
#: Looking at the board may take this share of the time.
BOARD_SHARE = 0.02

#: The most that a page is given of each.
ALERTS, FOLLOW_UPS, ROWS, RULES, RATES = 60, 60, 25, 12, 90
#: Panes of the alerts' chart.
PANES = 48
#: With fewer answers a value of a dimension is shown, but not called the worst.
ENOUGH = 10

#: Metrics whose curves are drawn.
CURVES = (
    "nps",
    "csat",
    "ces",
    "review_rating",
    "review_response",
    "first_response_mean",
    "first_response_p90",
)
#: What a page needs to know of all metrics, in their order.
_CATALOGUE = [
    {"name": one.name, "title": one.title, "help": one.help, "unit": one.unit, "group": GROUPS[one.group],
     "better": one.better}
    for one in METRICS.values()
]  # fmt: skip

log = structlog.get_logger(__name__)


class Live:
    """What browsers are shown. Sections keep their version until their content changes."""

    def __init__(
        self,
        feed: Feed,
        board: Callable[[], BoardView | None],
        health: Health,
        journey: Callable[[], Journey] = lambda: NO_JOURNEY,
        monotonic: Callable[[], float] = time.monotonic,
        severities: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """journey: the model in force. monotonic: seconds of a clock that never goes back.

        severities: rule → severity of its alerts, of the rules in force that are not on trial.
        """
        self.truth = Truth(WAITING, "Starting.")
        self._feed = feed
        self._board = board
        self._health = health
        self._journey = journey
        self._severities = severities
        self._monotonic = monotonic
        self._pulse = Pulse()
        self._partitions: list[PartitionView] = []
        self._rates: deque[float] = deque(maxlen=RATES)
        self._next_look = self._next_board = float("-inf")
        self._ailing: dict[str, str] = {}
        self._sections: dict[str, bytes] = {}
        self._versions: dict[str, int] = {}
        self._rendered: tuple[object, ...] = ()

    def look(self) -> None:
        """Look at health and board, unless that was done just now. Never raises."""
        now = self._monotonic()
        if now < self._next_look:
            return
        self._next_look = now + BEAT_S * 0.9
        try:
            truth = self._pulse.beat(self._health, now)
            views = list(self._health.partitions())
            ending = self._health.ending()
            if ending:
                # It lets go of its partitions one by one: what was seen before that stays, and is still true.
                held = {view.name: view for view in views}
                views = [held.get(view.name, view) for view in self._partitions]
                truth = replace(
                    self.truth,
                    state=truth.state,
                    sentence=truth.sentence,
                    reasons=truth.reasons,
                    rate=truth.rate,
                )
            self.truth, self._partitions = truth, views
            self._ail("health", None)
        except Exception as error:  # noqa: BLE001 (whatever it is, the page has to say so)
            self.truth = Truth(STUCK, "The worker's health cannot be read.", (self._ail("health", error),))
            self._partitions, ending = [], False
        self._rates.append(round(self.truth.rate or 0.0, 1))
        if ending or now < self._next_board:
            return
        try:
            self._feed.sample(self._board())
            self._ail("board", None)
        except Exception as error:  # noqa: BLE001 (whatever it is, the page has to say so)
            self._feed.sample(None)
            self._ail("board", error)
        self._next_board = now + (self._monotonic() - now) / BOARD_SHARE

    def _ail(self, what: str, error: Exception | None) -> str:
        """Keep what is wrong with something, and log it when it begins. The page has to go on, and say so."""
        if error is None:
            self._ailing.pop(what, None)
            return ""
        if what not in self._ailing:
            log.error("the %s cannot be read", what, exc_info=error)
        self._ailing[what] = f"The {what} cannot be read: {type(error).__name__}: {error}."
        return self._ailing[what]

    def state(self) -> dict[str, bytes]:
        """All sections as JSON."""
        self._render()
        return dict(self._sections)

    def news(self, known: dict[str, int]) -> dict[str, bytes]:
        """The sections that are newer than the versions in `known`, which is brought up to date."""
        self._render()
        fresh = {
            name: body for name, body in self._sections.items() if known.get(name) != self._versions[name]
        }
        known.update(self._versions)
        return fresh

    def _render(self) -> None:
        self.look()
        now = self.truth.watermark if self.truth.watermark is not None else self._feed.newest
        trouble = self._ailing.get("board")
        content = (self._feed.changed, now, trouble)
        fresh: dict[str, object] = {
            "catalogue": _CATALOGUE,
            "head": self._head(now),
            "partitions": [_partition(view) for view in self._partitions],
        }
        if content != self._rendered:
            self._rendered = content
            board = self._feed.scoreboard
            fresh["metrics"] = self._metrics(board, trouble)
            fresh["places"] = {} if board is None else _places(board)
            fresh["journey"] = journey_map(self._journey(), board)
            fresh["alerts"] = self._alerts(board)
            fresh["rhythm"] = self._rhythm(now)
            fresh["followups"] = self._follow_ups(now)
        for name, section in fresh.items():
            body = encode(section)
            if self._sections.get(name) != body:
                self._sections[name] = body
                self._versions[name] = self._versions.get(name, 0) + 1

    def _head(self, now: int | None) -> dict[str, object]:
        truth = self.truth
        return {
            "state": truth.state,
            "sentence": truth.sentence,
            "reasons": truth.reasons,
            "applied": truth.applied,
            "rate": truth.rate,
            "rates": list(self._rates),
            "lag": truth.lag,
            "watermark": truth.watermark,
            "now": now,
            "malformed": self._feed.malformed,
            "behind": round(self._feed.behind_s) if self._feed.behind_s > LATE_S else None,
        }

    def _metrics(self, board: Scoreboard | None, trouble: str | None) -> dict[str, object]:
        if board is None:
            return {"here": False, "trouble": trouble, "windows": {}, "left_out": []}
        windows = {window: self._window(board, window) for window in board.at}
        return {"here": True, "trouble": None, "windows": windows, "left_out": board.left_out}

    def _window(self, board: Scoreboard, window: str) -> dict[str, object]:
        total = board.total(window)
        curve = self._feed.history.curve(window)
        return {
            "at": board.at[window],
            "total": {name: (cut(result), samples) for name, (result, samples) in total.metrics.items()},
            "margin": cut(total.nps_margin),
            "bounds": {name: (cut(low), cut(high)) for name, (low, high) in total.bounds.items()},
            "curve": {
                "at": curve.at,
                "values": {
                    name: [cut(one) for one in values]
                    for name, values in curve.values.items()
                    if name in CURVES
                },
            },
        }

    def _alerts(self, board: Scoreboard | None) -> dict[str, object]:
        alerts = self._feed.alerts()
        listed = Counter(one.severity for one in alerts if one.standing)
        standing = listed if board is None else self._standing(board)
        return {
            "known": len(alerts),
            "listed": listed.total(),
            "standing": standing.total(),
            "critical": standing["critical"],
            # The feed began near the end of its topics and keeps the newest; the board knows them all.
            "at_least": board is None,
            "most": ALERTS,
            # The newest of all, and then the newest of those that stand, for who asks for these alone.
            "newest": [_alert(one) for one in [*alerts[:ALERTS], *_further_standing(alerts)]],
        }

    def _standing(self, board: Scoreboard) -> Counter[str]:
        """Severity → alerts that stand, of all that ever fired."""
        standing: Counter[str] = Counter()
        severities = self._severities()
        for rule, count in board.standing.items():
            if rule in severities:
                standing[severities[rule]] += count
        return standing

    def _rhythm(self, now: int | None) -> dict[str, object]:
        """What happened pane by pane, up to now."""
        at = max(now or 0, self._feed.newest or 0)
        fired = self._feed.panes.upto(at, PANES)
        activity = self._feed.activity.upto(at, PANES).by
        by_severity = {severity: [0] * PANES for severity in SEVERITIES}
        by_rule: dict[str, list[int]] = {}
        for (rule, severity), counts in fired.by.items():
            for sums in (
                by_severity.setdefault(severity, [0] * PANES),
                by_rule.setdefault(rule, [0] * PANES),
            ):
                sums[:] = map(add, sums, counts)
        rules = sorted(by_rule.items(), key=lambda item: (-sum(item[1]), item[0]))
        return {
            "pane": self._feed.panes.pane,
            "until": fired.ends[-1],
            "by_severity": by_severity,
            "rules": [{"rule": rule, "counts": counts} for rule, counts in rules[:RULES]],
            "more_rules": max(0, len(rules) - RULES),
            "activity": {name: activity.get(name, [0] * PANES) for name in ACTIVITY},
        }

    def _follow_ups(self, now: int | None) -> dict[str, object]:
        waiting = self._feed.follow_ups(now)
        teams: dict[str, list[int]] = {}
        for one in waiting:
            team = teams.setdefault(one.team, [0, 0])
            team[0] += 1
            team[1] += one.overdue(now)
        by_need = sorted(teams.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))
        return {
            "open": len(waiting),
            "overdue": sum(overdue for _, overdue in teams.values()),
            "closed": len(self._feed.closed()),
            "forgotten": self._feed.forgotten,
            "teams": [
                {"team": team, "open": count, "overdue": late} for team, (count, late) in by_need[:RULES]
            ],
            "rows": [_follow_up(one, now) for one in waiting[:FOLLOW_UPS]],
        }


def _places(board: Scoreboard) -> dict[str, dict[str, object]]:
    """Window → dimension → its values, the worst first."""
    return {
        window: {dimension: _dimension(board.scores.get((window, dimension), {})) for dimension in DIMENSIONS}
        for window in board.at
    }


def _dimension(by_value: dict[str, Scores]) -> dict[str, object]:
    """Ranked by NPS; where no value has enough answers for that, by CSAT."""
    scored = [(value, one) for value, one in by_value.items() if one.samples("nps") or one.samples("csat")]
    enough = [by for by in ("nps", "csat") if any(one.samples(by) >= ENOUGH for _, one in scored)]
    by = enough[0] if enough else "nps"

    def badness(item: tuple[str, Scores]) -> tuple[bool, float, str]:
        value, scores = item
        result = scores.result(by)
        return scores.samples(by) < ENOUGH, float("inf") if result is None else result, value

    scored.sort(key=badness)
    rows = [_place(value, scores, by) for value, scores in scored[:ROWS]]
    return {"rows": rows, "more": max(0, len(scored) - ROWS), "enough": ENOUGH, "by": by}


def _place(value: str, scores: Scores, by: str) -> dict[str, object]:
    """by: the metric that ranks; few: it rests on too little for that."""
    return {
        "value": value,
        "nps": cut(scores.result("nps")),
        "margin": cut(scores.nps_margin),
        "nps_answers": scores.samples("nps"),
        "csat": cut(scores.result("csat")),
        "csat_answers": scores.samples("csat"),
        "few": scores.samples(by) < ENOUGH,
    }


def _further_standing(alerts: Sequence[Alert]) -> list[Alert]:
    """The newest that stand, without those that are among the newest of all."""
    standing = [one.alert_id for one in alerts if one.standing][:ALERTS]
    return [one for one in alerts[ALERTS:] if one.alert_id in standing]


def _alert(one: Alert) -> dict[str, object]:
    return {
        "id": one.alert_id,
        "rule": one.rule,
        "key": one.key,
        "customer": one.customer,
        "severity": one.severity,
        "title": one.title,
        "reasons": one.reasons,
        "state": one.state,
        "changed": one.changed,
        "fired": one.fired,
        "code": one.code,
        "outcome": one.outcome,
        "to": one.to,
        "held": one.held,
        "shadow": one.shadow,
    }


def _follow_up(one: FollowUp, now: int | None) -> dict[str, object]:
    return {
        "id": one.followup_id,
        "customer": one.customer if one.customer is not None else one.key,
        "team": one.team,
        "priority": one.priority,
        "due": one.due,
        "overdue": one.overdue(now),
        "status": one.status,
        "agent": one.agent,
        "rule": one.rule,
        "reasons": one.reasons,
        "messages": one.messages,
    }


def _partition(view: PartitionView) -> dict[str, object]:
    return {
        "topic": view.topic,
        "partition": view.partition,
        "state": view.state,
        "next": _next(view),
        "end": view.end,
        "lag": view.lag,
        "watermark": view.watermark,
        "idle": round(view.idle_s),
        "lost": view.lost,
        "restored": view.restored,
        "to_restore": view.to_restore,
    }


def _next(view: PartitionView) -> int:
    """Offset of the next record to apply, behind markers of transactions: it and what is to go add up to the end."""
    if view.end is None or view.lag is None:
        return view.applied + 1
    return view.end - view.lag


def joined(sections: dict[str, bytes]) -> bytes:
    """Sections as one JSON object."""
    return b"{" + b",".join(_members(sections)) + b"}"


def _members(sections: dict[str, bytes]) -> Iterator[bytes]:
    for name, body in sections.items():
        yield b'"%s":%s' % (name.encode(), body)
