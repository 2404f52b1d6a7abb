"""What the receivers of alerts are in a test: a server that keeps what it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.broker import HOST
from tests.deploy.promql import ROOT

ALERTMANAGER = ROOT / "deploy" / "alertmanager"


@dataclass
class Receiver:
    """Messages by the receiver that they were for, oldest first."""

    url: str = ""
    messages: list[tuple[str, Any]] = field(default_factory=list)

    def of(self, name: str) -> list[Any]:
        """What that receiver was sent."""
        return [message for to, message in [*self.messages] if to == name]

    def heard(self, name: str) -> set[tuple[str, str]]:
        """Alert and state, of all that a webhook was sent."""
        return {
            (alert["labels"]["alertname"], alert["status"])
            for message in self.of(name)
            for alert in message["alerts"]
        }


@contextmanager
def receiving() -> Iterator[Receiver]:
    """One that listens on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["content-length"])))
            receiver.messages.append((self.path.strip("/"), content))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    receiver.url = f"http://{HOST}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def impatient_copy(home: Path, receiver: Receiver) -> Path:
    """The shipped configuration of Alertmanager, which tells the receiver of a test, and does so at once."""
    config = yaml.safe_load((ALERTMANAGER / "alertmanager.yml").read_text())
    config["templates"] = [str(ALERTMANAGER / "templates" / "*.tmpl")]
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": "100ms", "group_interval": "500ms"}
    for one in config["receivers"]:
        for webhook in one.get("webhook_configs", ()):
            webhook["url"] = f"{receiver.url}/{one['name']}"
        for chat in one.get("slack_configs", ()):
            address = home / f"address-of-{one['name']}"
            address.write_text(f"{receiver.url}/{one['name']}\n")
            chat["api_url_file"] = str(address)
    path = home / "alertmanager.yml"
    path.write_text(yaml.safe_dump(config))
    return path
