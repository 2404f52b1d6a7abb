"""How fast follow-ups go."""

from __future__ import annotations

from collections.abc import Sequence

from tests.oracle.measured.model import Model
from tests.oracle.measured.recovery import words
from tests.oracle.measured.sample import Acted, Counted, Sample

GROUPINGS = ((), ("team",), ("rule",))


def samples(counted: Sequence[Counted], model: Model) -> list[Sample]:
    own: dict[str, list[tuple[Counted, Acted]]] = {}
    for c in counted:
        if c.acted is not None:
            own.setdefault(c.acted.id, []).append((c, c.acted))
    return [sample for history in own.values() for sample in of(history)]


def of(history: list[tuple[Counted, Acted]]) -> list[Sample]:
    """What happened to one follow-up, in order of arrival."""
    first = history[0][1]
    names = {"rule": first.rule} | ({"team": first.team} if first.team else {})
    found = []
    contacted = [c.event.time for c, _ in history if c.event.type == "followup.contacted"]
    if contacted:
        at = min(contacted)
        found.append(Sample("followup_contact", at, max(0, at - first.start) / 1000, names, GROUPINGS))
    ends = [(c, acted) for c, acted in history if c.event.type in ("followup.closed", "followup.reopened")]
    if not ends or ends[-1][0].event.type == "followup.reopened":
        return found
    c, acted = ends[-1]
    at = (
        c.event.time if acted.closed is None else acted.closed
    )  # closing it again changes its resolution alone
    if words(c.event.data.get("resolution")) != "moot":
        found.append(Sample("followup_closing", at, max(0, at - first.start) / 1000, names, GROUPINGS))
        found.append(Sample("followup_in_time", at, acted.due is None or at <= acted.due, names, GROUPINGS))
    return found
