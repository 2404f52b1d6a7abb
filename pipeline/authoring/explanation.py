"""What is said of a rule's doings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.events.codec import millis


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened. at: ms UTC; fired: an alert did."""

    at: int
    text: str
    details: tuple[str, ...] = ()
    fired: bool = False


@dataclass(slots=True)
class Explanation:
    """steps: in the order in which they became known. verdict: all of it in a sentence. now: what is there at the end."""

    rule: str
    subject: str
    steps: list[Step] = field(default_factory=list)
    verdict: str = ""
    now: list[str] = field(default_factory=list)


def step_of(alert: dict[str, Any]) -> Step:
    """A step in the life of an alert, which left."""
    data, what = alert["data"], alert["type"].rpartition(".")[2]
    code = f" ({data['code']})" if data.get("code") else ""
    to = f" to {data['to']}" if data.get("to") else ""
    return Step(
        millis(datetime.fromisoformat(alert["time"])), f"→ {what}{to}{code}, alert {data['alert_id']}",
        tuple(why["text"] for why in data["reasons"]), what == "fired",
    )  # fmt: skip


def times(fired: list[Step]) -> str:
    """How often, in words, and when first."""
    return f"{len(fired)} times, first" if len(fired) > 1 else "once,"
