"""A worker: the event path, the feed of the live page, and the page, in one process that Faust supervises."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import mode
import uvicorn
from prometheus_client import CollectorRegistry, ProcessCollector

from pipeline import engine
from pipeline.board import Board
from pipeline.effects import METRICS, Heart
from pipeline.errors import CxloopError
from pipeline.events.codec import REASONS as EVENT_REASONS
from pipeline.events.model import CUSTOMER_EVENTS, event_name, type_name
from pipeline.observe import Feed, Gauges, PartitionView
from pipeline.observe.gauges import Known
from pipeline.observe.remembered import in_words
from pipeline.observe.scorecards import cards
from pipeline.observe.timings import Timings
from pipeline.parts import Parts
from pipeline.settings import Settings
from pipeline.shard import Shard
from pipeline.step import REASONS
from pipeline.web.status import status_app

#: The page shows so many records of each partition from before it was there.
_SHOWN = 500
#: How long open pages have to end when the worker does, s.
LET_GO_S = 2


log = logging.getLogger("pipeline.web")


class PortTakenError(CxloopError):
    """Somebody else listens where the status page should be."""


class WorkerHealth:
    """The engine's figures and the hearts' counters, as the page and the gauges want them."""

    def __init__(
        self, path: engine.EventPath, stall_s: float, warnings: Callable[[], Sequence[str]] = tuple
    ) -> None:
        self._path, self._stall_s, self._warnings = path, stall_s, warnings

    def alive(self) -> Sequence[str]:
        """Why the process should be ended."""
        if self._path.health.alive(self._stall_s):
            return []
        return [f"The event path has not gone round for {self._stall_s:g} s."]

    def ready(self) -> Sequence[str]:
        """Why it does not do its work."""
        return self._path.health.unready()

    def warnings(self) -> Sequence[str]:
        """What somebody should mend, though it does its work."""
        return self._warnings()

    def ending(self) -> bool:
        """It was told to end."""
        return self._path.health.stopping

    def rebalances(self) -> int:
        """How often partitions were handed out anew."""
        return self._path.health.rebalances

    def partitions(self) -> Sequence[PartitionView]:
        """The partitions that this worker holds, in order."""
        hearts, now = self._path.hearts, time.monotonic()
        return [
            PartitionView(
                one.topic, one.partition, one.state, one.applied, one.end, one.lag, one.watermark, now - one.progress,
                dict(hearts[place].stats()) if place in hearts else {}, one.lost, one.restored, one.to_restore,
                one.stamp / 1000 if one.stamp else None, one.undecided,
            )
            for place, one in sorted(self._path.health.partitions.items())
        ]  # fmt: skip


class _Server(uvicorn.Server):
    """Faust handles the signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class StatusPage(mode.Service):
    """Serves the status page. Before it starts, its port is taken, and nobody answers there."""

    mundane_level = "debug"

    def __init__(
        self, listening: socket.socket, app: Callable[[Callable[[], bool]], Any], **kwargs: Any
    ) -> None:
        self._listening = listening
        made = app(lambda: self._server.should_exit)
        config = uvicorn.Config(made, log_config=None, access_log=False, timeout_graceful_shutdown=LET_GO_S)
        self._server = _Server(config)
        super().__init__(**kwargs)

    async def on_start(self) -> None:
        """Serve."""
        log.info("status page on %s", url_of(self._listening))
        self._serving = self.add_future(self._server.serve(sockets=[self._listening]))

    async def on_stop(self) -> None:
        """Let open pages go."""
        self._server.should_exit = True
        await asyncio.wait({self._serving}, timeout=LET_GO_S + 1)


@dataclass(slots=True)
class Worker:
    """Everything of one worker, put together and ready to run.

    parts: those in force; `use` others while it runs.
    unread: why rules that were changed are not in force; None: they are.
    read_at: when those in force were read, Unix time.
    plan: what the topics have to be; None on the embedded broker.
    on_followup: gets the bytes of follow-up events too, beside the page.
    port_option: what the option is called that the port comes from.
    """

    settings: Settings
    parts: Parts
    plan: engine.Plan | None
    port: int
    on_followup: Callable[[bytes], None] | None = None
    port_option: str = "--web-port"
    unread: str | None = field(init=False, default=None)
    read_at: float = field(init=False, default_factory=time.time)
    feed: Feed = field(init=False)
    path: engine.EventPath = field(init=False)
    health: WorkerHealth = field(init=False)
    _listening: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self._listening = bind(self.settings.web_host, self.port, self.port_option)
        self.feed = Feed()
        tuning = engine.Tuning(
            batch=self.settings.batch, watchdog_s=self.settings.stall / 1000, rebuild=self.settings.rebuild
        )
        self.path = engine.EventPath(
            connection(self.settings), self.settings.prefix,
            self._heart, tuning=tuning,
        )  # fmt: skip
        self.health = WorkerHealth(
            self.path, tuning.watchdog_s, lambda: [self.unread] if self.unread is not None else []
        )

    @property
    def url(self) -> str:
        """Where the status page is."""
        return url_of(self._listening)

    def board(self) -> Board | None:
        """The board, if this worker keeps it."""
        heart = self.path.hearts.get((METRICS, 0))
        return heart if isinstance(heart, Board) else None

    def _heart(self, topic: str, partition: int) -> Heart:
        """Of the parts in force then."""
        return self.parts.heart(topic, partition)

    def use(self, parts: Parts) -> None:
        """Go on with other rules and another journey: each heart changes over between two of its steps."""
        self.parts = parts
        self.path.change(parts.change)

    def run(self, *services: mode.ServiceT) -> int:
        """Work until SIGTERM or SIGINT; returns the exit code. Blocks."""
        gauges = Gauges(self.board, self.health, feed=self.feed, known=self._known)
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        timings = Timings(registry)
        self.path.health.on_step, self.path.health.on_transaction = timings.step, timings.transaction

        def app(closing: Callable[[], bool]) -> Any:
            return status_app(
                self.feed,
                self.board,
                self.health,
                lambda: (gauges.look(), registry),
                rules=self._cards,
                remembered=self._remembered,
                journey=lambda: self.parts.shard.journey,
                severities=lambda: {
                    rule.id: rule.severity for rule in self.parts.rules.rules if not rule.shadow
                },
                closing=closing,
            )

        feed = engine.Feed(
            on_alert=self.feed.alert, on_followup=self._followup, on_metrics=self.feed.metrics,
            on_behind=self.feed.is_behind,
            since=_SHOWN if self.plan is not None else None,
        )  # fmt: skip
        page = StatusPage(self._listening, app)
        return engine.run_worker(self.path, plan=self.plan, services=[page, *services], feed=feed)

    def _followup(self, value: bytes) -> None:
        self.feed.followup(value)
        if self.on_followup is not None:
            self.on_followup(value)

    def _cards(self) -> Sequence[object] | None:
        board = self.board()
        return cards(self.parts.rules, board.levels()) if board is not None else None

    def _remembered(self, rule_id: str, subject: str) -> Mapping[str, object] | None:
        rule = self.parts.rules.by_id().get(rule_id)
        if rule is None:
            return None
        shards = {place: heart for place, heart in self.path.hearts.items() if isinstance(heart, Shard)}
        found = [one for heart in shards.values() for one in heart.about(subject)]
        return {
            "remembered": list(in_words(rule, found)),
            "partitions": [f"{topic}/{number}" for topic, number in sorted(shards)],
        }

    def _known(self) -> Known:
        rules = self.parts.rules.rules
        teams = sorted({rule.plan.team for rule in rules if rule.plan is not None})
        types = [type_name(event) for event in CUSTOMER_EVENTS]
        return Known(
            [rule.id for rule in rules],
            teams,
            types,
            sorted((*EVENT_REASONS, *REASONS)),
            self.parts.rules.version,
            self.read_at,
            self.unread is None,
            self.parts.shard.journey,
            sorted(event_name(event) for event in self.parts.rules.awaited()),
        )


def connection(settings: Settings) -> engine.Connection:
    """How to reach Kafka."""
    return engine.Connection(
        settings.broker, settings.security_protocol, settings.sasl_mechanism or "PLAIN",
        settings.sasl_username, settings.sasl_password,
        *(str(file) if file else None for file in (settings.ssl_cafile, settings.ssl_certfile, settings.ssl_keyfile)),
    )  # fmt: skip


def plan(settings: Settings) -> engine.Plan:
    """What the topics have to be."""
    partitions = dict.fromkeys(("touchpoints", "reviews", "alerts", "followups"), settings.partitions)
    return engine.Plan(settings.prefix, partitions, replication=settings.replication)


def url_of(listening: socket.socket) -> str:
    """Where the page is that a socket is for."""
    host, port = listening.getsockname()[:2]
    return f"http://{host}:{port}/"


def bind(host: str, port: int, option: str) -> socket.socket:
    """A socket of a port, to listen on later. port: 0 for any that is free. Raises PortTakenError.

    option: where another port can be given.
    """
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise PortTakenError(
            f"the status page cannot listen on {host}:{port}: {error.strerror}; choose another port with {option}, "
            "or another address with CXLOOP_WEB_HOST"
        ) from error
    return listening
