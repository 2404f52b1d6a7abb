"""The ways of customers: visits, the stages that they reach, and purchases."""

from __future__ import annotations

from collections.abc import Sequence

from tests.oracle.measured.known import Known, Limit
from tests.oracle.measured.model import Model
from tests.oracle.measured.sample import Counted, Sample, dims, stage
from tests.oracle.reading import DAY, Event

VISIT, PURCHASE = "touchpoint.visited", "purchase.completed"
LIMITS: dict[tuple[str, ...], Limit] = {(VISIT,): (35 * DAY, 64), (PURCHASE,): (372 * DAY, 16)}
BACK = 28 * DAY
YEAR = 365 * DAY


def samples(counted: Sequence[Counted], model: Model) -> list[Sample]:
    customers: dict[str, Known] = {}
    continued: list[Event] = []

    def forgotten(gone: Sequence[Counted], left: Sequence[Counted]) -> None:
        """Whoever was at a stage shortly before what is left did not reach it then."""
        for one in gone:
            if one.event.type == VISIT:
                at = stage(one.event, model)
                again = [c.event for c in left if c.event.type == VISIT and stage(c.event, model) == at]
                continued.extend(event for event in again[:1] if event.time - BACK < one.event.time)

    for c in counted:
        if c.event.type in (VISIT, PURCHASE):
            own = customers.setdefault(
                c.event.subject or "",
                Known(lambda known: worth(known, model, continued), LIMITS, forgotten),
            )
            own.take(c)
    return [sample for own in customers.values() for sample in own.samples]


def worth(known: Sequence[Counted], model: Model, continued: Sequence[Event] = ()) -> list[Sample]:
    """Of the events of one customer, in order."""
    visits = [c.event for c in known if c.event.type == VISIT]
    purchases = [c.event for c in known if c.event.type == PURCHASE]
    return [
        *bought(visits, purchases, model),
        *stages(visits, model, continued),
        *last_steps(visits, purchases, model),
    ]


def bought(visits: list[Event], purchases: list[Event], model: Model) -> list[Sample]:
    found = []
    for number, purchase in enumerate(purchases):
        at, told_apart = purchase.time, dims(purchase, model)
        again = any(at - one.time < YEAR for one in purchases[:number])
        found.append(Sample("purchase_again", at, again, told_apart))
        since = max([at - BACK, *(one.time for one in purchases[:number])])
        way = [visit for visit in visits if since < visit.time <= at]
        if way:
            found.append(Sample("steps", at, len({visit.data["touchpoint"] for visit in way}), told_apart))
            found.append(Sample("purchase", at, (at - way[0].time) / 1000, told_apart))
    return found


def stages(visits: list[Event], model: Model, continued: Sequence[Event]) -> list[Sample]:
    found = []
    for number, visit in enumerate(visits):
        at, reached, earlier = visit.time, stage(visit, model), visits[:number]
        if reached is None or any(visit is one for one in continued):
            continue
        if any(at - BACK < v.time and stage(v, model) == reached for v in earlier):
            continue
        next_ = model.journey.next(reached)
        if next_ is None:
            continue
        told_apart = {"stage": reached}
        found.append(Sample("stage", at, REACHED, told_apart, only=(("stage",),)))
        later = [v for v in visits[number + 1 :] if stage(v, model) == next_]
        if later and later[0].time < at + BACK:
            found.append(Sample("stage", at, PASSED, told_apart, only=(("stage",),)))
    return found


REACHED, PASSED = 0, 1


def last_steps(visits: list[Event], purchases: list[Event], model: Model) -> list[Sample]:
    """Settled by the earliest purchase, or when there can be none any more: a sample that is to come."""
    found = []
    for visit in visits:
        if visit.data["touchpoint"] in model.journey.last_steps:
            end = visit.time + model.journey.within
            settled = [purchase.time for purchase in purchases if visit.time <= purchase.time <= end]
            told_apart = {"touchpoint": visit.data["touchpoint"]}
            found.append(
                Sample(
                    "last_step",
                    min(settled, default=end),
                    not settled,
                    told_apart,
                    only=((), ("touchpoint",)),
                )
            )
    return found
