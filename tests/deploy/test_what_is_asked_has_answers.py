"""Every query of every dashboard and rule, asked of a real Prometheus that scrapes the demo while it runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import promql_parser
import pytest

from pipeline.observe.dashboards import expressions, files, substituted
from tests.broker import leash
from tests.deploy.promql import asked, shipped_rules
from tests.deploy.running import Server, copied, prometheus
from tests.integration.processes import until

#: So much time must have passed for the company, and so much passes in a second.
LIVES_DAYS, SPEED = 2.5, "3h"

_COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prometheus that has watched the demo for a while."""
    home = tmp_path_factory.mktemp("watching")
    command = [sys.executable, "-m", "pipeline.cli", "demo", "--port", "0", "--speed", SPEED, "--for", "10m"]
    said = home / "demo.txt"
    with said.open("w") as out:
        demo = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    pulled = leash(demo.pid)
    try:
        until("the demo runs", lambda: address_in(said) is not None, within_s=60)
        address = address_in(said)
        assert address is not None
        config = copied(home, address, every="4s")
        with prometheus(config, home) as server:
            until("some days have passed for the demo", lambda: answers(server, PASSED) > 0, within_s=200)
            yield server
    finally:
        pulled.kill()
        pulled.communicate()
        demo.terminate()
        demo.wait()
        print(said.read_text(errors="replace")[-2_000:])  # shown when a test fails


#: Says something when enough time has passed for the company.
PASSED = (
    "cxloop_metric_timestamp_seconds - min_over_time(cxloop_metric_timestamp_seconds[10m]) "
    f"> {LIVES_DAYS * 86_400}"
)


def address_in(said: Path) -> str | None:
    """Where the demo says that its page is."""
    found = re.search(r"http://([\d.:]+)", said.read_text(errors="replace"))
    return found[1] if found else None


def answers(server: Server, expr: str) -> int:
    """How many series answer."""
    return len(server.get(f"/api/v1/query?query={quote(expr)}")["data"]["result"])


def filters(expr: str) -> bool:
    """Does an expression leave something out by its value, so that there may be nothing left?"""
    found: list[bool] = []

    def enter(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.BinaryExpr):
            found.append(str(node.op) in _COMPARISONS or str(node.op) == "unless")

    promql_parser.walk(promql_parser.parse(expr), enter, lambda node: None)
    return any(found)


def unanswered(server: Server, expr: str) -> list[str]:
    """What of an expression finds nothing: all of it or, where that may well be, one of its selectors."""
    if answers(server, expr):
        return []
    parts = [one.text for one in asked(expr)] if filters(expr) else [expr]
    return [part for part in parts if not answers(server, part)]


@pytest.mark.slow  # three simulated days have to pass
@pytest.mark.timeout(400)
def test_every_query_of_the_dashboards_finds_what_the_demo_does(watching: Server) -> None:
    queries = {
        (name, title, substituted(expr))
        for name, text in files().items()
        for title, expr in expressions(json.loads(text))
    }
    assert len(queries) > 300
    empty = [
        f"{name}: {title}: {one}"
        for name, title, expr in sorted(queries)
        for one in unanswered(watching, expr)
    ]
    assert not empty


@pytest.mark.timeout(400)
def test_what_rules_look_at_is_there(watching: Server) -> None:
    """Alerts do not ring on a good day, but what they look at has to be there."""
    empty = [
        f"{rule.name}: {one.text}"
        for rule in shipped_rules()
        for one in asked(rule.expr)
        if not answers(watching, one.text)
    ]
    assert not empty
    failed = [
        f"{rule['name']}: {rule.get('lastError')}"
        for group in watching.get("/api/v1/rules")["data"]["groups"]
        for rule in group["rules"]
        if rule["health"] != "ok"
    ]
    assert not failed
