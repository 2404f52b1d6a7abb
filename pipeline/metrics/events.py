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
#: Makes the counter of one type of event, from what reads its dimensions and its points of engagement. None: what it
#: tells is not kept.
Make = Callable[[Read, int], Counter | None]
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
    """Makes the counters of a shard. Their names are of what is kept alone; what is not has an empty one."""

    def __init__(self, tally: Tally, weights: Weights) -> None:
        self._tally, self._weights, self._left = tally, weights, tally.kept.left

    def counters(self) -> Mapping[type[m.Event], Counter]:
        """Who counts events of customers, by type."""
        made: dict[type[m.Event], Make] = {
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
        for kind in m.CUSTOMER_EVENTS:
            if kind not in _OF_NO_CUSTOMER:
                made.setdefault(kind, self._number(""))
        found: dict[type[m.Event], Counter] = {}
        for kind, make in made.items():
            counter = make(self._tally.reader(m.data_type(kind)), self._weights.points(m.event_name(kind)))
            if counter is not None:
                found[kind] = counter
        return found

    def _survey(self, dims: Read, points: int) -> Counter | None:
        tally, left = self._tally, self._left
        told, engaged = left(short.valued(short.TOLD, self._weights.told)), left(short.engaged(points))
        nps_names = [
            short.joined(left(_standing(score)), told if is_unhappy(score, None) else "", engaged)
            for score in range(11)
        ]
        csat_names = ["", *(
            left(short.joined(short.valued(short.CSAT, score), c.CSAT_SATISFIED if score >= _SATISFIED else ""))
            for score in range(1, 6)
        )]  # fmt: skip
        ces_names = [left(short.valued(short.CES, score)) for score in range(8)]
        gap_names = [left(short.valued(short.GAP, score)) for score in range(-4, 5)]
        tone_names = [left(short.valued(short.TONE, score)) for score in range(6)]
        asked, reached = left(c.GOALS), left(short.joined(c.GOALS, c.GOALS_REACHED))
        if not any((*nps_names, *csat_names, *ces_names, *gap_names, *tone_names, reached)):
            return None

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
                _add(rows, reached if data.goal_reached else asked)
            if nps is None:
                _add(rows, engaged)

        return count

    def _visit(self, dims: Read, points: int) -> Counter | None:
        tally, left, engaged = self._tally, self._left, short.engaged(points)
        emotions = [*(short.valued(short.EMOTION, score) for score in range(-2, 3)), ""]
        emotion_count, emotion_sum, squares = map(left, (c.EMOTION_COUNT, c.EMOTION_SUM, c.EMOTION_SQUARES))
        ended = short.joined(c.VISITS, c.VISITS_ENDED)
        lost = short.joined(ended, c.VISITS_LOST)
        names = {
            outcome: [left(short.joined(name, emotion, engaged)) for emotion in emotions]
            for outcome, name in (
                (None, c.VISITS),
                ("completed", ended),
                ("abandoned", lost),
                ("failed", lost),
            )
        }
        if not names["failed"][0]:
            return None

        def count(event: Any, data: m.VisitData, at: int, key: str) -> None:
            rows = tally.rows(at, dims(data))
            emotion = data.emotion
            which = 5
            if emotion is not None:
                score = round(emotion * 100)
                if score % 100 == 0:
                    which = score // 100 + 2
                else:
                    _add(rows, emotion_count)
                    _add(rows, emotion_sum, score)
                    _add(rows, squares, score * score)
            _add(rows, names[data.outcome][which])

        return count

    def _purchase(self, dims: Read, points: int) -> Counter | None:
        """That it was made is counted with what led to it."""
        tally, engaged = self._tally, self._left(short.engaged(points))
        valued, value = short.joined(self._left(c.ORDER_VALUE_COUNT), engaged), self._left(c.ORDER_VALUE_SUM)
        if not valued:
            return None

        def count(event: Any, data: m.PurchaseData, at: int, key: str) -> None:
            rows = tally.rows(at, dims(data))
            if data.amount is not None:
                _add(rows, valued)
                _add(rows, value, _hundredths(data.amount))
            else:
                _add(rows, engaged)

        return count

    def _reply(self, dims: Read, points: int) -> Counter | None:
        tally, engaged, told = self._tally, self._left(short.engaged(points)), self._left(c.REPLIES_TOLD)
        by_human = self._left(short.joined(c.REPLIES_TOLD, c.REPLIES_HUMAN))
        if not by_human and not engaged:
            return None

        def count(event: Any, data: m.ContactReplyData, at: int, key: str) -> None:
            answered_by = data.answered_by
            if answered_by is None and not engaged:
                return
            rows = tally.rows(at, dims(data))
            if answered_by is not None:
                _add(rows, by_human if answered_by == "human" else told)
            _add(rows, engaged)

        return count

    def _mention(self, dims: Read, points: int) -> Counter | None:
        tally, left = self._tally, self._left
        mentioned, reach = left(short.joined(c.MENTIONS, short.engaged(points))), left(c.MENTIONS_REACH)
        sentiments, sentiment, squares = map(
            left, (c.MENTION_SENTIMENT_COUNT, c.MENTION_SENTIMENT_SUM, c.MENTION_SENTIMENT_SQUARES)
        )
        if not mentioned and not sentiments:
            return None

        def count(event: Any, data: m.MentionData, at: int, key: str) -> None:
            rows = tally.rows(at, dims(data))
            _add(rows, mentioned)
            if data.reach is not None:
                _add(rows, reach, min(data.reach, _MOST))
            if data.sentiment is not None:
                score = round(data.sentiment * 100)
                _add(rows, sentiments)
                _add(rows, sentiment, score)
                _add(rows, squares, score * score)

        return count

    def _employee(self, dims: Read, points: int) -> Counter | None:
        tally, engaged = self._tally, self._left(short.engaged(points))
        of_nps = {
            c.PROMOTERS: c.EMPLOYEE_PROMOTERS,
            c.PASSIVES: c.EMPLOYEE_PASSIVES,
            c.DETRACTORS: c.EMPLOYEE_DETRACTORS,
        }
        names = [self._left(short.joined(of_nps[_standing(score)], engaged)) for score in range(11)]
        if not any(names):
            return None

        def count(event: Any, data: m.EmployeeData, at: int, key: str) -> None:
            enps = data.enps
            if enps is not None:
                _add(tally.rows(at, dims(data)), names[enps])
            else:
                _add(tally.rows(at, dims(data)), engaged)

        return count

    def _customer(self, name: str) -> Make:
        tally, left = self._tally, self._left

        def make(dims: Read, points: int) -> Counter | None:
            told = left(short.joined(name, short.engaged(points)))
            values, value = left(c.VALUE_COUNT), left(c.VALUE_SUM)
            if not told and not values:
                return None

            def count(event: Any, data: m.CustomerData, at: int, key: str) -> None:
                rows = tally.rows(at, dims(data))
                _add(rows, told)
                if data.value is not None:
                    _add(rows, values)
                    _add(rows, value, _hundredths(data.value))

            return count

        return make

    def _number(self, name: str) -> Make:
        """Of what tells that it happened, and its points; without a name, of what tells only these."""
        tally, left = self._tally, self._left

        def make(dims: Read, points: int) -> Counter | None:
            told = left(short.joined(name, short.engaged(points)))
            if not told:
                return None

            def count(event: Any, data: m.Data, at: int, key: str) -> None:
                _add(tally.rows(at, dims(data)), told)

            return count

        return make


#: Of one event, so that sums stay far below 2**53 (`segment.Count`).
_MOST: Final = 10**12


def _hundredths(value: float) -> int:
    return round(max(-1e10, min(value, 1e10)) * 100)


def _add(rows: list[dict[str, int]], name: str, n: int = 1) -> None:
    if name:
        for row in rows:
            row[name] = row.get(name, 0) + n


def _standing(score: int) -> str:
    """What an answer from 0 to 10 makes of a customer."""
    return c.PROMOTERS if score >= 9 else c.PASSIVES if score > _DETRACTOR else c.DETRACTORS
