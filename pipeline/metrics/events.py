"""Counts what one event tells by itself. Plainer than the rest: it runs for nearly every event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pipeline.events import model as m
from pipeline.metrics import counts as c
from pipeline.metrics import shorthand as short
from pipeline.metrics.dimensions import Read
from pipeline.metrics.tally import Tally
from pipeline.metrics.weights import Weights

#: Counts an event. The arguments: event, data, its time (ms), and its customer.
Counter = Callable[[Any, Any, int, str], None]
#: An answer up to here is unhappy.
DISSATISFIED: Final = 2
_SATISFIED: Final = 4
_DETRACTOR: Final = 6
#: Events that count for no customer's engagement; those of reviews count with the review.
_OF_NO_CUSTOMER: Final = frozenset((*m.REVIEWS, *m.FOLLOW_UPS))


def is_unhappy(nps: int | None, csat: int | None) -> bool | None:
    """Does an answer tell a bad experience? None: it tells neither. The NPS counts, where it was asked."""
    if nps is not None:
        return nps <= _DETRACTOR
    return csat <= DISSATISFIED if csat is not None else None


class Events:
    """Makes the counters of a shard."""

    def __init__(self, tally: Tally, weights: Weights) -> None:
        self._tally, self._weights = tally, weights

    def counters(self) -> Mapping[type[m.Event], Counter]:
        """Who counts events of customers, by type."""
        made: dict[type[m.Event], Callable[[Read, int], Counter]] = {
            m.SurveyAnswered: self._survey, m.TouchpointVisited: self._visit, m.PurchaseCompleted: self._purchase,
            m.ContactReplied: self._reply, m.MentionPosted: self._mention, m.EmployeeAnswered: self._employee,
            m.CustomerJoined: self._customer(c.JOINED), m.CustomerRenewed: self._customer(c.RENEWED),
            m.CustomerChurned: self._customer(c.CHURNED),
        }  # fmt: skip
        plain: dict[type[m.Event], str] = {
            m.OrderDelivered: c.DELIVERED, m.OrderReturned: c.RETURNED, m.SelfServiceResolved: c.HELPED_THEMSELVES,
            m.SelfServiceFailed: c.HELPED_IN_VAIN, m.ReferralMade: c.REFERRALS, m.ShareMade: c.SHARES,
        }  # fmt: skip
        made |= {kind: self._number(name) for kind, name in plain.items()}
        found: dict[type[m.Event], Counter] = {}
        for kind, make in made.items():
            found[kind] = make(
                self._tally.reader(m.data_type(kind)), self._weights.points(m.event_name(kind))
            )
        for kind in m.CUSTOMER_EVENTS:
            points = self._weights.points(m.event_name(kind))
            if points and kind not in found and kind not in _OF_NO_CUSTOMER:
                found[kind] = self._points(self._tally.reader(m.data_type(kind)), points)
        return found

    def _points(self, dims: Read, points: int) -> Counter:
        """Of what tells nothing else by itself."""
        tally, name = self._tally, short.engaged(points)

        def count(event: Any, data: m.Data, at: int, key: str) -> None:
            _add(tally.rows(at, dims(data)), name)

        return count

    def _survey(self, dims: Read, points: int) -> Counter:
        tally, told, engaged = (
            self._tally,
            short.valued(short.TOLD, self._weights.told),
            short.engaged(points),
        )
        nps_names = [
            short.joined(_standing(score), told if is_unhappy(score, None) else "", engaged)
            for score in range(11)
        ]
        csat_names = ["", *(
            short.joined(short.valued(short.CSAT, score), c.CSAT_SATISFIED if score >= _SATISFIED else "")
            for score in range(1, 6)
        )]  # fmt: skip
        ces_names = [short.valued(short.CES, score) for score in range(8)]
        gap_names = [short.valued(short.GAP, score) for score in range(-4, 5)]
        tone_names = [short.valued(short.TONE, score) for score in range(6)]
        reached = short.joined(c.GOALS, c.GOALS_REACHED)

        def count(event: Any, data: m.SurveyData, at: int, key: str) -> None:
            rows = tally.rows(at, dims(data))
            nps, csat = data.nps, data.csat
            if nps is not None:
                _add(rows, nps_names[nps])
            if csat is not None:
                _add(rows, csat_names[csat])
                if nps is None and is_unhappy(None, csat):
                    _add(rows, told)
            if (ces := data.ces) is not None:
                _add(rows, ces_names[ces])
            if data.expected is not None and data.experienced is not None:
                _add(rows, gap_names[data.experienced - data.expected + 4])
            tone = data.tone
            if isinstance(tone, int):
                _add(rows, tone_names[tone])
            if data.goal_reached is not None:
                _add(rows, reached if data.goal_reached else c.GOALS)
            if nps is None and engaged:
                _add(rows, engaged)

        return count

    def _visit(self, dims: Read, points: int) -> Counter:
        tally, engaged = self._tally, short.engaged(points)
        emotions = [*(short.valued(short.EMOTION, score) for score in range(-2, 3)), ""]
        ended = short.joined(c.VISITS, c.VISITS_ENDED)
        lost = short.joined(ended, c.VISITS_LOST)
        names = {
            outcome: [short.joined(name, emotion, engaged) for emotion in emotions]
            for outcome, name in (
                (None, c.VISITS),
                ("completed", ended),
                ("abandoned", lost),
                ("failed", lost),
            )
        }

        def count(event: Any, data: m.VisitData, at: int, key: str) -> None:
            rows = tally.rows(at, dims(data))
            emotion = data.emotion
            which = 5
            if emotion is not None:
                score = round(emotion * 100)
                if score % 100 == 0:
                    which = score // 100 + 2
                else:
                    _add(rows, c.EMOTION_COUNT)
                    _add(rows, c.EMOTION_SUM, score)
                    _add(rows, c.EMOTION_SQUARES, score * score)
            _add(rows, names[data.outcome][which])

        return count

    def _purchase(self, dims: Read, points: int) -> Counter:
        """That it was made is counted with what led to it."""
        tally, engaged = self._tally, short.engaged(points)
        valued = short.joined(c.ORDER_VALUE_COUNT, engaged)

        def count(event: Any, data: m.PurchaseData, at: int, key: str) -> None:
            rows = tally.rows(at, dims(data))
            if data.amount is not None:
                _add(rows, valued)
                _add(rows, c.ORDER_VALUE_SUM, _hundredths(data.amount))
            elif engaged:
                _add(rows, engaged)

        return count

    def _reply(self, dims: Read, points: int) -> Counter:
        tally, engaged = self._tally, short.engaged(points)
        by_human = short.joined(c.REPLIES_TOLD, c.REPLIES_HUMAN)

        def count(event: Any, data: m.ContactReplyData, at: int, key: str) -> None:
            answered_by = data.answered_by
            if answered_by is None and not engaged:
                return
            rows = tally.rows(at, dims(data))
            if answered_by is not None:
                _add(rows, by_human if answered_by == "human" else c.REPLIES_TOLD)
            if engaged:
                _add(rows, engaged)

        return count

    def _mention(self, dims: Read, points: int) -> Counter:
        tally, mentioned = self._tally, short.joined(c.MENTIONS, short.engaged(points))

        def count(event: Any, data: m.MentionData, at: int, key: str) -> None:
            rows = tally.rows(at, dims(data))
            _add(rows, mentioned)
            if data.reach is not None:
                _add(rows, c.MENTIONS_REACH, min(data.reach, _MOST))
            if data.sentiment is not None:
                score = round(data.sentiment * 100)
                _add(rows, c.MENTION_SENTIMENT_COUNT)
                _add(rows, c.MENTION_SENTIMENT_SUM, score)
                _add(rows, c.MENTION_SENTIMENT_SQUARES, score * score)

        return count

    def _employee(self, dims: Read, points: int) -> Counter:
        tally, engaged = self._tally, short.engaged(points)
        of_nps = {
            c.PROMOTERS: c.EMPLOYEE_PROMOTERS,
            c.PASSIVES: c.EMPLOYEE_PASSIVES,
            c.DETRACTORS: c.EMPLOYEE_DETRACTORS,
        }
        names = [short.joined(of_nps[_standing(score)], engaged) for score in range(11)]

        def count(event: Any, data: m.EmployeeData, at: int, key: str) -> None:
            enps = data.enps
            if enps is not None:
                _add(tally.rows(at, dims(data)), names[enps])
            elif engaged:
                _add(tally.rows(at, dims(data)), engaged)

        return count

    def _customer(self, name: str) -> Callable[[Read, int], Counter]:
        tally = self._tally

        def make(dims: Read, points: int) -> Counter:
            told = short.joined(name, short.engaged(points))

            def count(event: Any, data: m.CustomerData, at: int, key: str) -> None:
                rows = tally.rows(at, dims(data))
                _add(rows, told)
                if data.value is not None:
                    _add(rows, c.VALUE_COUNT)
                    _add(rows, c.VALUE_SUM, _hundredths(data.value))

            return count

        return make

    def _number(self, name: str) -> Callable[[Read, int], Counter]:
        tally = self._tally

        def make(dims: Read, points: int) -> Counter:
            told = short.joined(name, short.engaged(points))

            def count(event: Any, data: m.Data, at: int, key: str) -> None:
                _add(tally.rows(at, dims(data)), told)

            return count

        return make


#: Of one event, so that sums stay far below 2**53 (`segment.Count`).
_MOST: Final = 10**12


def _hundredths(value: float) -> int:
    return round(max(-1e10, min(value, 1e10)) * 100)


def _add(rows: list[dict[str, int]], name: str, n: int = 1) -> None:
    for row in rows:
        row[name] = row.get(name, 0) + n


def _standing(score: int) -> str:
    """What an answer from 0 to 10 makes of a customer."""
    return c.PROMOTERS if score >= 9 else c.PASSIVES if score > _DETRACTOR else c.DETRACTORS
