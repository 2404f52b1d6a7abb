"""The event types: CloudEvents 1.0 envelopes with typed data, decoded by msgspec.

Field names, ranges and requirements are the product's interface; `cxloop schemas` writes them as
JSON Schemas. Unknown fields never break decoding; `codec.unknown_fields` finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, get_type_hints

from msgspec import UNSET, Meta, Struct, UnsetType, field

#: Ids and names are kept in state and written into every output, so they have a limit; comments have none.
Text = Annotated[str, Meta(min_length=1, max_length=512)]
Name = Annotated[str, Meta(max_length=256)]
Short = Annotated[str, Meta(max_length=1_000)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Moment = Annotated[datetime, Meta(tz=True)]
Scale5 = Annotated[int, Meta(ge=1, le=5)]
Scale10 = Annotated[int, Meta(ge=0, le=10)]
Polarity = Annotated[float, Meta(ge=-1, le=1)]
Amount = Annotated[float, Meta(ge=0)]


class Data(Struct, kw_only=True, gc=False):
    """Fields that every event may carry. `attributes` holds dimensions of one's own."""

    brand: Name | None = None
    touchpoint: Name | None = None
    channel: Name | None = None
    stage: Name | None = None
    segment: Name | None = None
    persona: Name | None = None
    location: Name | None = None
    product: Name | None = None
    language: Name | None = None
    comment: str | None = None
    attributes: dict[str, str | Whole | float | bool | None] | None = None


class SurveyData(Data, kw_only=True, gc=False):
    """Answers of one survey; at least one of the scores is there. tone: of voice, a score or a word."""

    nps: Scale10 | None = None
    csat: Scale5 | None = None
    ces: Annotated[int, Meta(ge=1, le=7)] | None = None
    tone: Scale5 | Name | None = None
    expected: Scale5 | None = None
    experienced: Scale5 | None = None
    goal_reached: bool | None = None
    survey_id: Text | None = None

    def __post_init__(self) -> None:
        if self.nps is None and self.csat is None and self.ces is None and not self._answers_anything_else():
            raise ValueError(
                "Object needs at least one of `nps`, `csat`, `ces`, `tone`, `expected`, `experienced`, "
                "`goal_reached`, `survey_id`"
            )

    def _answers_anything_else(self) -> bool:
        others = (self.tone, self.expected, self.experienced, self.goal_reached, self.survey_id)
        return any(answer is not None for answer in others)


class ReviewData(Data, kw_only=True, gc=False):
    """A review on a platform; a repeated `review_id` is an edit."""

    review_id: Text
    rating: Annotated[float, Meta(ge=1, le=5)]
    platform: Name | None = None
    title: str | None = None


class ReviewResponseData(Data, kw_only=True, gc=False):
    """A public answer to a review."""

    review_id: Text
    platform: Name | None = None
    responder: str | None = None


class VisitData(Data, kw_only=True, gc=False):
    """A customer at a touchpoint. duration_s: seconds."""

    touchpoint: Annotated[str, Meta(min_length=1, max_length=256)]
    outcome: Literal["completed", "abandoned", "failed"] | None = None
    emotion: Annotated[float, Meta(ge=-2, le=2)] | None = None
    duration_s: Amount | None = None


class ContactData(Data, kw_only=True, gc=False):
    """A case with customer service."""

    contact_id: Text
    reason: str | None = None


class ContactReplyData(ContactData, kw_only=True, gc=False):
    """A message in a case."""

    by: Literal["agent", "bot", "customer"] | None = None
    answered_by: Literal["human", "menu"] | None = None


class OrderData(Data, kw_only=True, gc=False):
    """An order on its way. reason: why it came back."""

    order_id: Text
    reason: str | None = None


class PurchaseData(Data, kw_only=True, gc=False):
    """A purchase. amount: in whole units of the currency."""

    order_id: Text
    amount: Amount | None = None
    currency: str | None = None


class SelfServiceData(Data, kw_only=True, gc=False):
    """A customer who helped themselves, or could not."""

    topic: str | None = None


class PromiseData(Data, kw_only=True, gc=False):
    """A promise to a customer. due: when it must have been kept."""

    promise_id: Text
    due: Moment | None = None
    what: str | None = None


class CustomerData(Data, kw_only=True, gc=False):
    """A customer who comes, stays or goes."""

    plan: str | None = None
    value: float | None = None
    reason: str | None = None


class ReferralData(Data, kw_only=True, gc=False):
    """A customer who tells others."""

    referred: str | None = None
    platform: Name | None = None


class ObservationData(Data, kw_only=True, gc=False):
    """What staff saw or heard."""

    comment: Text
    sentiment: Polarity | None = None
    by: str | None = None


class MentionData(Data, kw_only=True, gc=False):
    """A mention in public. reach: people."""

    platform: Name | None = None
    reach: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    sentiment: Polarity | None = None


class EmployeeData(Data, kw_only=True, gc=False):
    """An answer of an employee."""

    enps: Scale10 | None = None
    team: Name | None = None


class FollowUpData(Data, kw_only=True, gc=False):
    """A step in the life of a follow-up. key: what it is about, where that is no customer."""

    followup_id: Text
    key: Short | None = None
    rule: Short | None = None
    agent: Short | None = None
    resolution: Short | None = None
    cause: Short | None = None
    recovered: bool | None = None


class AlertData(Struct, kw_only=True, gc=False):
    """An alert that a review's shard hands to the shard of the customer.

    text: its reasons in words; title, message: what it says; start: when the clock of its follow-up starts.
    """

    alert_id: Text
    rule: Text
    key: str
    text: str = ""
    title: str = ""
    message: str = ""
    start: Moment | None = None


class TickData(Struct, kw_only=True, gc=False):
    """Nothing: a tick only moves time."""


class Event(Struct, kw_only=True, gc=False, tag_field="type"):
    """The CloudEvents envelope. The class says the type.

    forwardedfrom: topic/partition/offset of the record that a review's shard passed on.
    """

    specversion: Literal["1.0"]
    id: Text
    source: Text
    time: Moment
    subject: Text | None = None
    forwardedfrom: Text | None = None


#: The fields of every event, in their order.
EVENT_FIELDS = ("data", *Event.__struct_fields__)


class SurveyAnswered(Event, tag="cx.survey.answered"):
    data: SurveyData


class ReviewPosted(Event, tag="cx.review.posted"):
    data: ReviewData


class ReviewResponded(Event, tag="cx.review.responded"):
    data: ReviewResponseData


class TouchpointVisited(Event, tag="cx.touchpoint.visited"):
    data: VisitData


class ContactOpened(Event, tag="cx.contact.opened"):
    data: ContactData


class ContactReplied(Event, tag="cx.contact.replied"):
    data: ContactReplyData


class ContactResolved(Event, tag="cx.contact.resolved"):
    data: ContactData


class ContactReopened(Event, tag="cx.contact.reopened"):
    data: ContactData


class PurchaseCompleted(Event, tag="cx.purchase.completed"):
    data: PurchaseData


class OrderDelivered(Event, tag="cx.order.delivered"):
    data: OrderData


class OrderReturned(Event, tag="cx.order.returned"):
    data: OrderData


class SelfServiceResolved(Event, tag="cx.selfservice.resolved"):
    data: SelfServiceData = field(default_factory=SelfServiceData)


class SelfServiceFailed(Event, tag="cx.selfservice.failed"):
    data: SelfServiceData = field(default_factory=SelfServiceData)


class PromiseMade(Event, tag="cx.promise.made"):
    data: PromiseData


class PromiseKept(Event, tag="cx.promise.kept"):
    data: PromiseData


class PromiseBroken(Event, tag="cx.promise.broken"):
    data: PromiseData


class CustomerJoined(Event, tag="cx.customer.joined"):
    data: CustomerData = field(default_factory=CustomerData)


class CustomerRenewed(Event, tag="cx.customer.renewed"):
    data: CustomerData = field(default_factory=CustomerData)


class CustomerChurned(Event, tag="cx.customer.churned"):
    data: CustomerData = field(default_factory=CustomerData)


class ReferralMade(Event, tag="cx.referral.made"):
    data: ReferralData = field(default_factory=ReferralData)


class ShareMade(Event, tag="cx.share.made"):
    data: ReferralData = field(default_factory=ReferralData)


class ObservationNoted(Event, tag="cx.observation.noted"):
    data: ObservationData


class MentionPosted(Event, tag="cx.mention.posted"):
    data: MentionData = field(default_factory=MentionData)


class EmployeeAnswered(Event, tag="cx.employee.answered"):
    data: EmployeeData = field(default_factory=EmployeeData)


class FollowUpOpened(Event, tag="cx.followup.opened"):
    data: FollowUpData


class FollowUpAssigned(Event, tag="cx.followup.assigned"):
    data: FollowUpData


class FollowUpContacted(Event, tag="cx.followup.contacted"):
    data: FollowUpData


class FollowUpClosed(Event, tag="cx.followup.closed"):
    data: FollowUpData


class FollowUpReopened(Event, tag="cx.followup.reopened"):
    data: FollowUpData


class ClockTicked(Event, tag="cx.clock.ticked"):
    data: TickData | UnsetType = UNSET


class AlertFired(Event, tag="cx.alert.fired"):
    data: AlertData


class AlertRetracted(Event, tag="cx.alert.retracted"):
    data: AlertData


FOLLOW_UPS = (FollowUpOpened, FollowUpAssigned, FollowUpContacted, FollowUpClosed, FollowUpReopened)
REVIEWS = (ReviewPosted, ReviewResponded)

#: What people and systems send, by the class that decodes it.
CUSTOMER_EVENTS: tuple[type[Event], ...] = (
    SurveyAnswered, *REVIEWS, TouchpointVisited, ContactOpened, ContactReplied, ContactResolved,
    ContactReopened, PurchaseCompleted, OrderDelivered, OrderReturned, SelfServiceResolved,
    SelfServiceFailed, PromiseMade, PromiseKept, PromiseBroken, CustomerJoined, CustomerRenewed,
    CustomerChurned, ReferralMade, ShareMade, ObservationNoted, MentionPosted, EmployeeAnswered,
    *FOLLOW_UPS,
)  # fmt: skip
#: What the workers send each other in the same topics.
INTERNAL_EVENTS: tuple[type[Event], ...] = (ClockTicked, AlertFired, AlertRetracted)
#: Events about no customer in particular, or about one who is not known.
SUBJECT_OPTIONAL: frozenset[type[Event]] = frozenset((*REVIEWS, MentionPosted, EmployeeAnswered, ClockTicked))


def type_name(event: type[Event]) -> str:
    """The CloudEvents type, such as "cx.survey.answered"."""
    return str(event.__struct_config__.tag)


def event_name(event: type[Event]) -> str:
    """The type without what all of them begin with, such as survey.answered: as people write it."""
    return type_name(event).removeprefix("cx.")


def data_type(event: type[Event]) -> type[Data]:
    """The class of the data of one of CUSTOMER_EVENTS."""
    found: type[Data] = get_type_hints(event)["data"]
    return found


#: Those that people write rules, sources and tests about, by the name that they write.
EVENTS_BY_NAME: Mapping[str, type[Event]] = {event_name(event): event for event in CUSTOMER_EVENTS}
