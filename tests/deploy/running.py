"""A real Prometheus and a real Alertmanager on this machine, for as long as a test lasts."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.broker import HOST, free_port, leash
from tests.deploy.programs import program
from tests.deploy.promql import PROMETHEUS, seconds
from tests.integration.processes import until


@dataclass(frozen=True)
class Server:
    """One that answers at `url`, without a slash at the end."""

    url: str

    def get(self, path: str) -> Any:
        """What it answers, read as JSON."""
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)

    def post(self, path: str, content: Any) -> None:
        """Send it something as JSON."""
        asking = urllib.request.Request(
            self.url + path, json.dumps(content).encode(), {"content-type": "application/json"}
        )
        urllib.request.urlopen(asking, timeout=5).close()

    @property
    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def copied(home: Path, worker: str, *, every: str, alerts: Server | None = None, faster: float = 1) -> Path:
    """The shipped configuration of Prometheus, and its rules, for one worker, which is asked so often.

    alerts: the Alertmanager that is told; None: nobody is. faster: so many times, time goes before an alert rings.
    """
    (home / "rules").mkdir()
    for file in (PROMETHEUS / "rules").glob("*.yml"):
        content = yaml.safe_load(file.read_text())
        for rule in (rule for group in content["groups"] for rule in group["rules"]):
            for name in {"for", "keep_firing_for"} & rule.keys():
                rule[name] = f"{1000 * seconds(rule[name]) / faster:.0f}ms"
        (home / "rules" / file.name).write_text(yaml.safe_dump(content))
    (home / "targets").mkdir()
    (home / "targets" / "workers.yml").write_text(yaml.safe_dump([{"targets": [worker]}]))
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["global"] = dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), every)
    config["scrape_configs"] = [one for one in config["scrape_configs"] if one["job_name"] == "cxloop"]
    if alerts is None:
        del config["alerting"]
    else:
        (manager,) = config["alerting"]["alertmanagers"]
        manager["static_configs"] = [{"targets": [alerts.url.removeprefix("http://")]}]
    path = home / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def prometheus(config: Path, home: Path) -> Iterator[Server]:
    """One that has its data in a folder."""
    address = f"{HOST}:{free_port()}"
    arguments = [
        f"--config.file={config}",
        f"--storage.tsdb.path={home / 'prometheus'}",
        f"--web.listen-address={address}",
    ]
    with _running("prometheus", arguments, address, home) as server:
        yield server


@contextmanager
def alertmanager(config: Path, home: Path) -> Iterator[Server]:
    """One that has its data in a folder, and no cluster."""
    address = f"{HOST}:{free_port()}"
    arguments = [
        f"--config.file={config}",
        f"--storage.path={home / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with _running("prometheus-alertmanager", arguments, address, home) as server:
        yield server


@contextmanager
def _running(name: str, arguments: list[str], address: str, home: Path) -> Iterator[Server]:
    log = home / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program(name), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    pulled = leash(process.pid)
    server = Server(f"http://{address}")

    def answers() -> bool:
        assert process.poll() is None, f"{name} ended with exit code {process.returncode}"
        return server.is_ready

    try:
        until(f"{name} answers", answers, within_s=20)
        yield server
    finally:
        pulled.kill()  # before the process is gone, so that it never pulls at another's process id
        pulled.communicate()
        process.kill()
        process.wait()
        # Shown when the test fails.
        print(f"--- {name}\n{log.read_text(errors='replace')}")
