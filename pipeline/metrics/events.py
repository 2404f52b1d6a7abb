"""Counts what one event tells by itself. Plainer than the rest: it runs for nearly every event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pipeline.events import model as m
from pipeline.metrics import counts as c
from pipeline.metrics.dimensions import Read
from pipeline.metrics.tally import Tally
from pipeline.metrics.weights import Weights

#: Counts an event. The arguments: event, data, its time (ms), and its customer.
Counter = Callable[[Any, Any, int, str], None]
#: An answer up to here is unhappy.
DISSATISFIED: Final = 2
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
        tally = self._tally

        def count(event: Any, data: m.Data, at: int, key: str) -> None:
            _engage(tally.cell(at, dims(data)), points)

        return count

    def _survey(self, dims: Read, points: int) -> Counter:
        tally, told = self._tally, self._weights.told

        def count(event: Any, data: m.SurveyData, at: int, key: str) -> None:
            cell = tally.cell(at, dims(data))
            nps, csat = data.nps, data.csat
            if nps is not None:
                _add(cell, c.PROMOTERS if nps >= 9 else c.PASSIVES if nps >= 7 else c.DETRACTORS)
            if csat is not None:
                _score(cell, c.CSAT_COUNT, c.CSAT_SUM, c.CSAT_SQUARES, csat)
                if csat >= 4:
                    _add(cell, c.CSAT_SATISFIED)
            if (ces := data.ces) is not None:
                _score(cell, c.CES_COUNT, c.CES_SUM, c.CES_SQUARES, ces)
            if data.expected is not None and data.experienced is not None:
                _score(cell, c.GAP_COUNT, c.GAP_SUM, c.GAP_SQUARES, data.experienced - data.expected)
            tone = data.tone
            if isinstance(tone, int):
                _score(cell, c.TONE_COUNT, c.TONE_SUM, c.TONE_SQUARES, tone)
            if data.goal_reached is not None:
                _add(cell, c.GOALS)
                if data.goal_reached:
                    _add(cell, c.GOALS_REACHED)
            if is_unhappy(nps, csat):
                _add(cell, c.UNHAPPY)
                _add(cell, c.TOLD, told)
            _engage(cell, points)

        return count

    def _visit(self, dims: Read, points: int) -> Counter:
        tally = self._tally

        def count(event: Any, data: m.VisitData, at: int, key: str) -> None:
            cell = tally.cell(at, dims(data))
            _add(cell, c.VISITS)
            outcome = data.outcome
            if outcome is not None:
                _add(cell, c.VISITS_ENDED)
                if outcome != "completed":
                    _add(cell, c.VISITS_LOST)
            emotion = data.emotion
            if emotion is not None:
                _score(cell, c.EMOTION_COUNT, c.EMOTION_SUM, c.EMOTION_SQUARES, round(emotion * 100))
            _engage(cell, points)

        return count

    def _purchase(self, dims: Read, points: int) -> Counter:
        """That it was made is counted with what led to it."""
        tally = self._tally

        def count(event: Any, data: m.PurchaseData, at: int, key: str) -> None:
            cell = tally.cell(at, dims(data))
            if data.amount is not None:
                _add(cell, c.ORDER_VALUE_COUNT)
                _add(cell, c.ORDER_VALUE_SUM, _hundredths(data.amount))
            _engage(cell, points)

        return count

    def _reply(self, dims: Read, points: int) -> Counter:
        tally = self._tally

        def count(event: Any, data: m.ContactReplyData, at: int, key: str) -> None:
            answered_by = data.answered_by
            if answered_by is None and not points:
                return
            cell = tally.cell(at, dims(data))
            if answered_by is not None:
                _add(cell, c.REPLIES_TOLD)
                if answered_by == "human":
                    _add(cell, c.REPLIES_HUMAN)
            _engage(cell, points)

        return count

    def _mention(self, dims: Read, points: int) -> Counter:
        tally = self._tally

        def count(event: Any, data: m.MentionData, at: int, key: str) -> None:
            cell = tally.cell(at, dims(data))
            _add(cell, c.MENTIONS)
            if data.reach is not None:
                _add(cell, c.MENTIONS_REACH, min(data.reach, _MOST))
            if data.sentiment is not None:
                _score(
                    cell, c.MENTION_SENTIMENT_COUNT, c.MENTION_SENTIMENT_SUM, c.MENTION_SENTIMENT_SQUARES,
                    round(data.sentiment * 100),
                )  # fmt: skip
            _engage(cell, points)

        return count

    def _employee(self, dims: Read, points: int) -> Counter:
        tally = self._tally

        def count(event: Any, data: m.EmployeeData, at: int, key: str) -> None:
            enps = data.enps
            if enps is None and not points:
                return
            cell = tally.cell(at, dims(data))
            if enps is not None:
                names = c.EMPLOYEE_PROMOTERS, c.EMPLOYEE_PASSIVES, c.EMPLOYEE_DETRACTORS
                _add(cell, names[0] if enps >= 9 else names[1] if enps >= 7 else names[2])
            _engage(cell, points)

        return count

    def _customer(self, name: str) -> Callable[[Read, int], Counter]:
        tally = self._tally

        def make(dims: Read, points: int) -> Counter:
            def count(event: Any, data: m.CustomerData, at: int, key: str) -> None:
                cell = tally.cell(at, dims(data))
                _add(cell, name)
                if data.value is not None:
                    _add(cell, c.VALUE_COUNT)
                    _add(cell, c.VALUE_SUM, _hundredths(data.value))
                _engage(cell, points)

            return count

        return make

    def _number(self, name: str) -> Callable[[Read, int], Counter]:
        tally = self._tally

        def make(dims: Read, points: int) -> Counter:
            def count(event: Any, data: m.Data, at: int, key: str) -> None:
                cell = tally.cell(at, dims(data))
                _add(cell, name)
                _engage(cell, points)

            return count

        return make


#: Of one event, so that sums stay far below 2**53 (`segment.Count`).
_MOST: Final = 10**12


def _hundredths(value: float) -> int:
    return round(max(-1e10, min(value, 1e10)) * 100)


def _add(cell: dict[str, int], name: str, n: int = 1) -> None:
    cell[name] = cell.get(name, 0) + n


def _score(cell: dict[str, int], count: str, sum_: str, squares: str, score: int) -> None:
    cell[count] = cell.get(count, 0) + 1
    cell[sum_] = cell.get(sum_, 0) + score
    cell[squares] = cell.get(squares, 0) + score * score


def _engage(cell: dict[str, int], points: int) -> None:
    if points:
        cell[c.ENGAGED] = cell.get(c.ENGAGED, 0) + 1
        cell[c.ENGAGEMENT] = cell.get(c.ENGAGEMENT, 0) + points
