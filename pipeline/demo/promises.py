"""Promises to customers: made with a due moment; kept, kept too late, broken, or never heard of again."""

from pipeline.demo.chance import numbered
from pipeline.demo.customers import Customer
from pipeline.demo.hours import rfc3339
from pipeline.demo.world import World
from pipeline.span import HOUR, MINUTE


def promise(
    world: World,
    customer: Customer,
    at: int,
    touchpoint: str,
    channel: str,
    what: str,
    within: int,
    *,
    done: int | None = None,
) -> None:
    """Sends `promise.made` and what comes of it.

    within: milliseconds until it is due. done: when what was promised happens, where the story knows that.
    """
    rng = world.rng
    promise_id = numbered(rng, "promise")
    due = at + within

    def send(moment: int, kind: str, **more: object) -> None:
        world.tell(
            customer,
            moment,
            kind,
            "/care/promises",
            touchpoint,
            channel,
            promise_id=promise_id,
            what=what,
            attributes={"team": "care"},
            **more,
        )

    send(at, "promise.made", due=rfc3339(due))
    luck = rng.random()
    if done is not None and done <= due:
        send(done, "promise.kept")
    elif done is not None and luck < 0.6:
        send(due + int(90 * MINUTE * rng.random()), "promise.broken")
        customer.feels(-0.6)
    elif done is not None:
        return  # late, and nobody says so
    elif luck < 0.70:
        send(at + int(within * (0.2 + 0.79 * rng.random())), "promise.kept")
        customer.feels(0.5)
    elif luck < 0.78:
        send(due + int((0.5 + 20 * rng.random()) * HOUR), "promise.kept")
        customer.feels(-0.3)
    elif luck < 0.92:
        send(due + int(90 * MINUTE * rng.random()), "promise.broken")
        customer.feels(-0.8)
    # The rest is the silence that a rule about a promise's due moment is there for.
