"""The status page: truth at a glance for people, and the same for machines.

Routes: `/` the page, `/api/state` what it shows as JSON, `/api/rules` the rules with their score cards, `/api/explain` what is remembered of a rule and a customer, `/events` the same as server-sent events,
`/metrics` for Prometheus, `/healthz` and `/readyz` for whoever supervises the process. None of them
asks Kafka.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from prometheus_client import generate_latest
from prometheus_client.registry import Collector
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import pipeline
from pipeline.events.journey import NO_JOURNEY, Journey
from pipeline.observe.feed import Feed
from pipeline.observe.views import BoardView, Health
from pipeline.web.live import BEAT_S, Live, joined

_HERE = Path(__file__).parent

#: Open pages that are served at a time; each costs a connection.
MOST_BROWSERS = 200
#: A browser that takes nothing for so long is gone.
SEND_TIMEOUT_S = 20.0

_FRESH = {"cache-control": "no-store"}

_HEADERS = {
    # Nothing from elsewhere, no inline script or style: customers' text is on this page.
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
}


def status_app(
    feed: Feed,
    board: Callable[[], BoardView | None],
    health: Health,
    look: Callable[[], Sequence[Collector]],
    *,
    rules: Callable[[], Sequence[object] | None] = lambda: None,
    remembered: Callable[[str, str], Mapping[str, object] | None] = lambda rule, subject: None,
    journey: Callable[[], Journey] = lambda: NO_JOURNEY,
    closing: Callable[[], bool] = lambda: False,
    severities: Callable[[], Mapping[str, str]] = dict,
    monotonic: Callable[[], float] = time.monotonic,
) -> Starlette:
    """The page and its neighbours.

    feed: kept up to date by whoever reads our topics.
    board: the board where this worker keeps it, else None; asked anew each time.
    look: what `/metrics` shows now; asked on the event loop, and collected in a thread.
    rules: plain values; None where another worker knows them.
    remembered: of a rule and a customer or a review; None: there is no such rule.
    journey: the model in force.
    closing: true once the server stops; open event streams then end by themselves, else a server
        that waits for its connections waits for ever.
    severities: rule → severity of its alerts, of the rules in force that are not on trial.
    monotonic: seconds of a clock that never goes back.
    """
    live = Live(feed, board, health, journey, monotonic, severities)
    page = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template("status.html")
    browsers = 0

    async def home(request: Request) -> Response:
        live.look()
        return HTMLResponse(page.render(truth=live.truth, version=pipeline.__version__), headers=_FRESH)

    async def state(request: Request) -> Response:
        return Response(joined(live.state()), media_type="application/json", headers=_FRESH)

    async def stream() -> AsyncIterator[dict[str, str]]:
        nonlocal browsers
        browsers += 1
        known: dict[str, int] = {}
        try:
            while not closing():
                yield {"data": joined(live.news(known)).decode()}
                await asyncio.sleep(BEAT_S)
        finally:
            browsers -= 1

    async def events(request: Request) -> Response:
        if browsers >= MOST_BROWSERS:
            return JSONResponse(
                {"error": f"{browsers} pages are open already."}, 503, headers={"retry-after": "30"}
            )
        return EventSourceResponse(stream(), ping=0, send_timeout=SEND_TIMEOUT_S)

    async def rule_cards(request: Request) -> Response:
        found = rules()
        if found is None:
            said = "Another worker keeps the score cards: the one whose `cxloop_board_here` is 1."
            return JSONResponse({"error": said}, 409, headers=_FRESH)
        return JSONResponse(found, headers=_FRESH)

    async def explain(request: Request) -> Response:
        rule, subject = (request.query_params.get(name, "") for name in ("rule", "subject"))
        found = remembered(rule, subject)
        if found is None:
            return JSONResponse({"error": f'there is no rule "{rule}" here'}, 404, headers=_FRESH)
        return JSONResponse(found, headers=_FRESH)

    async def metrics(request: Request) -> Response:
        # Looked at here, where nothing else moves; made and written out beside the loop, for it may be long.
        text = await run_in_threadpool(_written, look())
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def healthz(request: Request) -> Response:
        return _verdict(health.alive())

    async def readyz(request: Request) -> Response:
        return _verdict(health.ready())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        """Keep looking while nobody does, so that curves have no holes."""
        watching = asyncio.create_task(_watch(live))
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    return Starlette(
        routes=[
            Route("/", home),
            Route("/api/state", state),
            Route("/api/rules", rule_cards),
            Route("/api/explain", explain),
            Route("/events", events),
            Route("/metrics", metrics),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Mount("/static", StaticFiles(directory=_HERE / "static"), name="static"),
        ],
        middleware=[Middleware(_Guard)],
        lifespan=lifespan,
    )


async def _watch(live: Live) -> None:
    while True:
        live.look()
        await asyncio.sleep(BEAT_S)


def _verdict(reasons: Sequence[str]) -> Response:
    body = {"status": "failing" if reasons else "ok", "reasons": list(reasons)}
    return JSONResponse(body, 503 if reasons else 200, headers=_FRESH)


def _written(those: Sequence[Collector]) -> bytes:
    return b"".join(map(generate_latest, those))


class _Guard:
    """Adds the headers that keep a page with strangers' text harmless. Plain ASGI: streams pass unbuffered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS.items()]
                if scope["path"].startswith("/static/"):
                    # Asked for each time and mostly answered by 304: a page never runs half old.
                    message["headers"].append((b"cache-control", b"no-cache"))
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)
