"""Which way each type of event goes in a shard: to all who look at its customer, or another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pipeline.effects import REVIEWS, TOUCHPOINTS, Output
from pipeline.events import model as m
from pipeline.events.codec import Rejection, forwarded, millis
from pipeline.handlers import Handlers
from pipeline.metrics.catalogue import METRICS as METRIC_NAMES
from pipeline.rules.alerts import Alert
from pipeline.rules.compiled import Role
from pipeline.rules.index import Index
from pipeline.step import FUTURE, Step

#: Takes an event that has another way than to all who look at its customer. int: ms.
Route = Callable[[Any, int], None]


class Routes:
    """The ways. of: by type of event; a type that nobody looks at has none."""

    def __init__(self, handlers: Handlers, roles: frozenset[Role], step: Step) -> None:
        self._handlers, self._roles, self._step = handlers, roles, step
        self.of = self._routes()

    def _routes(self) -> dict[type[m.Event], Index | Route]:
        """What becomes of each type of event: all who look at its customer get it, or it goes another way.

        Types that nobody looks at are not in it.
        """
        routes: dict[type[m.Event], Index | Route] = {}
        customers = Role.CUSTOMER in self._roles
        for kind in m.CUSTOMER_EVENTS:
            if kind in m.REVIEWS:
                routes[kind] = self._review
            elif kind in m.FOLLOW_UPS:
                routes[kind] = self._follow_up
            elif not customers:
                routes[kind] = lambda event, at: self._wrong_topic(event, TOUCHPOINTS)
            elif index := self._handlers.of[Role.CUSTOMER].get(kind):
                routes[kind] = index
        return routes | {m.AlertFired: self._alert, m.AlertRetracted: self._alert}

    def _handle(self, role: Role, event: m.Event, at: int, key: str) -> None:
        index, data = self._handlers.of[role].get(event.__class__), event.data  # type: ignore[attr-defined]
        if index is not None:
            for handle in index.of(data):
                handle(event, data, at, key)

    def _review(self, event: m.Event, at: int) -> None:
        """Take a review or a response, and forward it to its customer; or take a forwarded one."""
        if event.forwardedfrom is not None:
            if Role.REVIEW not in self._roles:
                self._handle(Role.CUSTOMER, event, at, event.subject or "")
            elif Role.CUSTOMER not in self._roles:
                self._reject(
                    "topic.wrong",
                    "a copy that a shard forwarded belongs on touchpoints - at `$.forwardedfrom`",
                )
            return
        if Role.REVIEW not in self._roles:
            self._wrong_topic(event, REVIEWS)
            return
        if isinstance(event, m.ReviewPosted):
            if not self._handlers.reviews.posted(event, at):
                return
            key = event.data.review_id
        else:
            assert isinstance(event, m.ReviewResponded)
            key = event.data.review_id
            self._handlers.reviews.responded(key, at)
        self._handle(Role.REVIEW, event, at, key)
        if event.subject is None:
            return
        if Role.CUSTOMER in self._roles:
            self._handle(Role.CUSTOMER, event, at, event.subject)
        else:
            assert self._step.record is not None
            value = forwarded(self._step.record, self._step.place)
            self._step.outputs.append(Output(TOUCHPOINTS, event.subject.encode(), value))

    def _follow_up(self, event: m.Event, at: int) -> None:
        """What somebody did about a follow-up of this shard, or of the board."""
        data: m.FollowUpData = event.data  # type: ignore[attr-defined]
        if event.subject is not None and Role.CUSTOMER in self._roles:
            self._handle(Role.CUSTOMER, event, at, event.subject)
        if event.__class__ is m.FollowUpOpened or self._handlers.follow_ups.agent_acted(event, data, at):
            return
        value = self._step.record.value if self._step.record is not None else None
        about_no_customer = event.subject is None and Role.CUSTOMER in self._roles and data.key is not None
        if about_no_customer and (data.key or "").partition("{")[0] in _KEYS_OF_THE_BOARD:
            self._handlers.tally.follow_up(_passed_on(event, data))
        elif about_no_customer and Role.REVIEW not in self._roles and self._step.record is not None:
            copy = forwarded(self._step.record, self._step.place)
            self._step.outputs.append(Output(REVIEWS, (data.key or "").encode(), copy))
        else:
            self._handlers.follow_ups.unknown(event, data, value)

    def _alert(self, event: m.Event, at: int) -> None:
        """An alert that a review's shard handed over."""
        if event.forwardedfrom is None:
            self._reject(
                "type.unknown", f"`{m.type_name(event.__class__)}` is written by cxloop alone - at `$.type`"
            )
            return
        data: m.AlertData = event.data  # type: ignore[attr-defined]
        rule = self._handlers.rules.get(data.rule)
        if rule is None or Role.REVIEW in self._roles:
            return
        start = millis(data.start) if data.start is not None else at
        if self._step.record is not None and not 0 <= start <= self._step.record.timestamp + FUTURE:
            start = at
        alert = Alert(
            data.alert_id, rule, data.key, event.subject, at, start, data.text, data.title, data.message
        )
        if isinstance(event, m.AlertFired):
            self._handlers.follow_ups.alert_fired(alert)
        else:
            self._handlers.follow_ups.alert_retracted(alert, at)

    def _reject(self, reason: str, error: str) -> None:
        record = self._step.record
        self._step.reject(Rejection(reason, error), record.value if record is not None else None)

    def _wrong_topic(self, event: m.Event, topic: str) -> None:
        self._reject(
            "topic.wrong", f"`{m.type_name(event.__class__)}` belongs on the topic of {topic} - at `$.type`"
        )


#: What the keys of the board's alerts begin with.
_KEYS_OF_THE_BOARD = {*METRIC_NAMES, *m.EVENTS_BY_NAME}


def _passed_on(event: m.Event, data: m.FollowUpData) -> bytes:
    """What the board needs of an agent's event."""
    kept = m.FollowUpData(
        followup_id=data.followup_id, key=data.key, agent=data.agent, resolution=data.resolution, cause=data.cause,
        recovered=data.recovered,
    )  # fmt: skip
    return msgspec.json.encode(msgspec.structs.replace(event, data=kept))
