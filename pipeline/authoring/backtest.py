"""What a rule set would have done with events of the past."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec

from pipeline import parts as all_parts
from pipeline.effects import ALERTS, DEAD_LETTERS, FOLLOW_UPS, Output
from pipeline.events.codec import millis
from pipeline.replay import Run, time_of
from pipeline.settings import Settings
from pipeline.sources.files import Line

#: Events in one step.
_BATCH = 2_000


class Fired(msgspec.Struct, frozen=True):
    """An alert. at: ms UTC, when it fired; why: its reasons in words."""

    alert_id: str
    rule: str
    key: str
    at: int
    severity: str
    title: str
    why: str
    shadow: bool


@dataclass
class Told:
    """What a rule set did.

    fired: by alert id, without those that late truth took back, of which there were so many `retracted`.
    opened: (ms UTC, team) of each follow-up. first, last: event time, ms UTC. took_s: wall time.
    """

    fired: dict[str, Fired] = field(default_factory=dict)
    retracted: int = 0
    opened: list[tuple[int, str]] = field(default_factory=list)
    rejected: int = 0
    events: int = 0
    first: int = -1
    last: int = -1
    took_s: float = 0.0


class _Reason(msgspec.Struct):
    text: str


class _AlertData(msgspec.Struct):
    alert_id: str
    rule: str
    key: str
    severity: str
    title: str
    reasons: list[_Reason]
    shadow: bool = False


class _Alert(msgspec.Struct):
    type: str
    time: datetime
    data: _AlertData


class _TaskData(msgspec.Struct):
    team: str


class _Task(msgspec.Struct):
    time: datetime
    data: _TaskData


_decode_alert = msgspec.json.Decoder(_Alert).decode
_decode_task = msgspec.json.Decoder(_Task).decode


class _Listener:
    """Keeps of what leaves what a comparison needs."""

    def __init__(self) -> None:
        self.told = Told()

    def __call__(self, output: Output) -> None:
        told = self.told
        if output.topic == DEAD_LETTERS:
            told.rejected += 1
        elif output.topic == FOLLOW_UPS and b'"cx.followup.opened"' in output.value:
            task = _decode_task(output.value)
            told.opened.append((millis(task.time), task.data.team))
        elif output.topic == ALERTS:
            event = _decode_alert(output.value)
            data = event.data
            if event.type == "cx.alert.fired":
                why = "; ".join(reason.text for reason in data.reasons)
                told.fired[data.alert_id] = Fired(
                    data.alert_id, data.rule, data.key, millis(event.time), data.severity, data.title, why, data.shadow
                )  # fmt: skip
            elif event.type == "cx.alert.retracted" and told.fired.pop(data.alert_id, None) is not None:
                told.retracted += 1

    def span(self, lines: Sequence[Line]) -> None:
        """Note the times of the first and the last event of a batch that have one."""
        for some in (lines, reversed(lines)):
            at = next((at for at in (time_of(line.value) for line in some) if at >= 0), -1)
            if at >= 0:
                self.told.first = min(self.told.first, at) if self.told.first >= 0 else at
                self.told.last = max(self.told.last, at)


def told_by(
    rules: Sequence[Path], events: Sequence[Path], settings: Settings, *, source: Path | None = None,
    on_read: Callable[[int], None] | None = None,
) -> Told:  # fmt: skip
    """Run a rule set over files. on_read: gets how many bytes of events were taken. Raises CxloopError."""
    listener, began = _Listener(), time.perf_counter()
    run = Run(all_parts.build(settings, rules), keep=listener)

    def on_batch(lines: Sequence[Line]) -> None:
        listener.told.events += len(lines)
        listener.span(lines)
        if on_read is not None:
            on_read(sum(len(line.value) + 1 for line in lines))

    run.files(events, source=source, batch=_BATCH, on_batch=on_batch)
    listener.told.took_s = time.perf_counter() - began
    return listener.told


def both(
    old: Sequence[Path], new: Sequence[Path], events: Sequence[Path], settings: Settings, *, source: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[Told, Told]:  # fmt: skip
    """Run two rule sets over the same files, each in a process of its own.

    progress: gets the bytes that both together have taken so far, a few times a second. Raises CxloopError.
    """
    for rules in (old, new):
        all_parts.build(settings, rules)  # what is wrong is told before anything is read
    context = get_context("spawn")
    taken = context.Array("q", 2, lock=False)
    with ProcessPoolExecutor(2, mp_context=context, initializer=_begin, initargs=(taken,)) as pool:
        runs: list[Future[Told]] = [
            pool.submit(_in_process, number, rules, events, settings, source) for number, rules in enumerate((old, new))
        ]  # fmt: skip
        while not all(one.done() for one in runs):
            if any(one.done() and one.exception() is not None for one in runs):
                break
            if progress is not None:
                progress(sum(taken))
            time.sleep(0.2)
        if progress is not None:
            progress(sum(taken))
        return runs[0].result(), runs[1].result()


#: How many bytes each process has taken.
_taken: Any = None


def _begin(taken: Any) -> None:
    global _taken  # noqa: PLW0603 - shared memory is handed to a process at its start, and in no other way
    _taken = taken
    # Records come and go by the thousand, and hold no cycles: with Python's own threshold, a third of the time.
    gc.set_threshold(100_000, 50, 100)


def _in_process(
    number: int, rules: Sequence[Path], events: Sequence[Path], settings: Settings, source: Path | None
) -> Told:
    def on_read(size: int) -> None:
        _taken[number] += size

    return told_by(rules, events, settings, source=source, on_read=on_read)
