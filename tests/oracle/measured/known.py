"""What is kept of somebody for some time, and what of it counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.oracle.measured.sample import Counted, Sample

#: How long something is kept (ms), and how many of its kind at most.
Limit = tuple[int, int]


class Known:
    """Events of one customer, in order of (time, arrival), and all that they have ever counted for.

    limits: of types of events. worth: the samples of what is known. What arrives changes them; what is forgotten changes nothing.
    on_forgotten: gets what is forgotten and what is left, where that matters.
    """

    def __init__(
        self,
        worth: Callable[[Sequence[Counted]], list[Sample]],
        limits: dict[tuple[str, ...], Limit],
        on_forgotten: Callable[[Sequence[Counted], Sequence[Counted]], None] = lambda gone, left: None,
    ) -> None:
        self.worth, self.limits, self.on_forgotten = worth, limits, on_forgotten
        self.events: list[Counted] = []
        self.samples: list[Sample] = []

    def take(self, one: Counted) -> None:
        self.forget(one.watermark)
        before = self.worth(self.events)
        self.events = sorted([*self.events, one], key=lambda c: c.event.time)
        after = self.worth(self.events)
        self.forget(one.watermark)
        for sample in before:
            if sample in after:
                after.remove(sample)
            else:
                self.samples.remove(sample)
        self.samples += after

    def forget(self, watermark: int) -> None:
        """What is too old goes, and the oldest of what is too many."""
        kept = []
        for kinds, (age, room) in self.limits.items():
            of = [c for c in self.events if c.event.type in kinds and c.event.time + age >= watermark]
            kept += of[-room:]
        gone = [c for c in self.events if not any(c is one for one in kept)]
        self.events = [c for c in self.events if any(c is one for one in kept)]
        self.on_forgotten(gone, self.events)
