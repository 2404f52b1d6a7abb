"""What one event tells, at its time and with its dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.oracle.measured.model import Model
from tests.oracle.measured.sample import Counted, Sample, dims
from tests.oracle.reading import Event

#: Of one event.
MOST_PEOPLE, MOST_MONEY = 10**12, 1e10


def samples(counted: Sequence[Counted], model: Model) -> list[Sample]:
    return [
        Sample(kind, c.event.time, value, dims(c.event, model))
        for c in counted
        for kind, value in [*told(c.event), *engagement(c.event, model)]
    ]


def told(event: Event) -> Iterator[tuple[str, float]]:
    """(kind of sample, its value)."""
    data = event.data
    match event.type:
        case "survey.answered":
            yield from answered(event)
        case "touchpoint.visited":
            yield "visit", 1
            if data.get("outcome") is not None:
                yield "lost", data["outcome"] in ("abandoned", "failed")
            if data.get("emotion") is not None:
                yield "emotion", hundredths(data["emotion"])
        case "employee.answered":
            if data.get("enps") is not None:
                yield "enps", data["enps"]
        case "contact.replied":
            if data.get("answered_by") is not None:
                yield "human", data["answered_by"] == "human"
        case "selfservice.resolved" | "selfservice.failed":
            yield "selfservice", event.type == "selfservice.resolved"
        case "mention.posted":
            yield "mention", 1
            yield "reach", min(data.get("reach") or 0, MOST_PEOPLE)
            if data.get("sentiment") is not None:
                yield "sentiment", hundredths(data["sentiment"])
        case "purchase.completed":
            if data.get("amount") is not None:
                yield "amount", hundredths(min(data["amount"], MOST_MONEY))
        case "order.delivered" | "order.returned":
            yield "returned", event.type == "order.returned"
        case "customer.joined":
            yield "joined", 1
        case "customer.renewed" | "customer.churned":
            yield "renewed", event.type == "customer.renewed"
        case "referral.made":
            yield "referral", 1
        case "share.made":
            yield "share", 1
    if event.type.startswith("customer.") and data.get("value") is not None:
        yield "value", hundredths(max(-MOST_MONEY, min(data["value"], MOST_MONEY)))


def answered(event: Event) -> Iterator[tuple[str, float]]:
    data = event.data
    for score in ("nps", "csat", "ces"):
        if data.get(score) is not None:
            yield score, data[score]
    if data.get("expected") is not None and data.get("experienced") is not None:
        yield "gap", data["experienced"] - data["expected"]
    if isinstance(data.get("tone"), int):
        yield "tone", data["tone"]
    if data.get("goal_reached") is not None:
        yield "goal", data["goal_reached"]
    if unhappy(event):
        yield "unhappy", 1


def unhappy(event: Event) -> bool | None:
    """Whether a survey is; None: it does not say."""
    nps, csat = event.data.get("nps"), event.data.get("csat")
    if nps is not None:
        return bool(nps <= 6)
    return bool(csat <= 2) if csat is not None else None


def engagement(event: Event, model: Model) -> list[tuple[str, float]]:
    """Reviews have their own versions to count."""
    points = model.engagement.get(event.type, 0)
    own = event.type.startswith(("review.", "followup."))
    return [("engagement", points)] if points and not own else []


def hundredths(value: float) -> float:
    """Rounded half to even."""
    return round(value * 100) / 100
