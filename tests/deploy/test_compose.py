"""The containers: what can be known of them without starting one."""

from __future__ import annotations

import base64
import fnmatch
import re
import shlex
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

import pipeline
from pipeline.settings import Settings
from tests.broker import HOST, RECIPE, RealKafka, free_port
from tests.deploy.promql import PROMETHEUS, ROOT
from tests.deploy.receiver import impatient_copy, receiving
from tests.deploy.running import alertmanager, copied, prometheus

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = DEPLOY / "Dockerfile"
WORKER_PORTS = (6066, 6067)


def ran(*command: str | Path) -> str:
    """What a program of the environment says; fails where it finds something wrong."""
    found = Path(sys.executable).with_name(str(command[0]))
    done = subprocess.run(
        [found, *map(str, command[1:])], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_file_is_as_the_compose_specification_wants_it() -> None:
    ran("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_do_no_more_than_it_has_to(name: str) -> None:
    service = SERVICES[name]
    user, group = service["user"].split(":")
    assert int(user) > 0
    assert int(group) >= 0
    assert service["read_only"] is True
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["cap_drop"] == ["ALL"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid", "devices"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_says_whether_it_is_well(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"  # no shell
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_has_a_version(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert image
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag)


def test_the_broker_is_the_one_that_tests_use() -> None:
    version = ElementTree.fromstring((RECIPE / "pom.xml").read_text()).findtext(".//{*}kafka.version")
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version}"


def test_the_worker_is_the_version_that_is_here() -> None:
    image = f"cxloop:{pipeline.__version__}"
    assert SERVICES["worker"]["image"] == image
    assert image in DOCKERFILE.read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_mounts_is_there(name: str) -> None:
    for mount in SERVICES[name]["volumes"]:
        source, _, more = mount.partition(":")
        if source.startswith("."):
            assert (DEPLOY / source).exists(), source
            assert more.endswith(":ro"), "what is in the repository is read only"
        else:
            assert source in COMPOSE["volumes"]
    kept = {mount.partition(":")[0] for one in SERVICES.values() for mount in one["volumes"]}
    assert COMPOSE["volumes"].keys() <= kept


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_reaches_a_service_from_another_machine(name: str) -> None:
    ports = SERVICES[name]["ports"]
    assert ports
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


def test_what_customers_said_is_on_no_network_of_grafana_or_alertmanager() -> None:
    for name in ("grafana", "alertmanager", "kafka"):
        shared = {*SERVICES[name]["networks"]} & {*SERVICES["worker"]["networks"]}
        assert shared == ({"events"} if name == "kafka" else set())
    assert {network for one in SERVICES.values() for network in one["networks"]} == COMPOSE["networks"].keys()


def test_prometheus_asks_each_worker_that_is_started() -> None:
    command = SERVICES["worker"]["command"]
    workers = int(command[command.index("--workers") + 1])
    (group,) = yaml.safe_load((PROMETHEUS / "targets" / "workers.yml").read_text())
    first = int(SERVICES["worker"]["environment"]["CXLOOP_WEB_PORT"])
    ports = range(first, first + workers)
    assert group["targets"] == [f"worker:{port}" for port in ports]
    assert SERVICES["worker"]["ports"] == [f"127.0.0.1:{ports[0]}-{ports[-1]}:{ports[0]}-{ports[-1]}"]
    assert tuple(ports) == WORKER_PORTS


def test_who_is_asked_is_within_reach() -> None:
    asked = [
        ("prometheus", (PROMETHEUS / "prometheus.yml").read_text()),
        ("prometheus", (PROMETHEUS / "targets" / "workers.yml").read_text()),
        ("grafana", (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text()),
        ("worker", SERVICES["worker"]["environment"]["CXLOOP_BROKER"]),
    ]
    for who, text in asked:
        named = {*re.findall(r"\b([a-z]+):\d{4}\b", text)}
        assert named, who
        for other in named:
            assert {*SERVICES[who]["networks"]} & {*SERVICES[other]["networks"]}, (
                f"{who} cannot reach {other}"
            )


def test_settings_of_the_worker_are_settings_that_there_are() -> None:
    given = {name for name in SERVICES["worker"]["environment"] if name.startswith("CXLOOP_")}
    assert given <= {f"CXLOOP_{name.upper()}" for name in Settings.model_fields}


def test_dashboards_are_where_grafana_looks_for_them() -> None:
    (provider,) = yaml.safe_load(
        (DEPLOY / "grafana" / "provisioning" / "dashboards" / "cxloop.yml").read_text()
    )["providers"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in SERVICES["grafana"]["volumes"]


def instructions(text: str) -> list[tuple[str, str]]:
    """Instruction and what follows it, in order."""
    whole = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return [
        (word.upper(), rest.strip())
        for word, _, rest in (line.partition(" ") for line in whole.splitlines() if line)
    ]


def test_hadolint_finds_the_dockerfile_right() -> None:
    assert ran("hadolint", "--failure-threshold", "style", DOCKERFILE) == ""


def test_the_image_holds_a_worker_and_nothing_that_made_it() -> None:
    found = instructions(DOCKERFILE.read_text())
    bases = [rest for word, rest in found if word == "FROM"]
    assert len(bases) == 2
    assert bases[0] == f"{bases[1]} AS build"
    last = found[[word for word, _ in found].index("FROM", 1) :]
    # Only the environment comes over; no compiler, no pip, no source.
    assert [rest for word, rest in last if word in {"COPY", "ADD"}] == [
        "--from=build /opt/cxloop /opt/cxloop"
    ]
    assert dict(last)["USER"] == SERVICES["worker"]["user"]
    assert dict(last)["ENTRYPOINT"] == '["cxloop"]'


def test_the_builder_gets_what_it_copies_and_no_more() -> None:
    ignored = [
        line
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if line and line[0] != "#"
    ]
    assert ignored[0] == "*"
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source
        for word, rest in instructions(DOCKERFILE.read_text())
        if word == "COPY" and not rest.startswith("--from")
        for source in shlex.split(rest)[:-1]
    }
    assert copied == let_in
    assert all((ROOT / source).exists() for source in copied)
    # All that the wheel is made of is let in.
    wheel = (ROOT / "pyproject.toml").read_text()
    for made_of in ("pipeline", "rules", "schemas", "README.md", "LICENSE"):
        assert f'"{made_of}"' in wheel
        assert any(fnmatch.fnmatch(made_of, one) for one in let_in)


class Shipped(RealKafka):
    """A broker with the shipped settings, but on ports and in a folder of its own."""

    def settings(self, data: Path) -> str:
        text = (RECIPE / "server.properties").read_text()
        outside = f"{HOST}:{self.proxied_port}"
        for before, after in (
            ("kafka:9092", self.address),
            ("0.0.0.0:9092", self.address),
            ("0.0.0.0:9094", outside),
            ("127.0.0.1:9094", outside),
            ("127.0.0.1:9093", f"{HOST}:{free_port()}"),
            ("/var/lib/kafka/data", str(data)),
        ):
            assert before in text
            text = text.replace(before, after)
        return text


@pytest.mark.slow  # a broker of its own
def test_a_broker_starts_with_the_shipped_settings() -> None:
    with Shipped() as broker:
        broker.create_topics({"cx.touchpoints": 4}, {"message.timestamp.type": "LogAppendTime"})


def test_the_cluster_has_an_id_that_kafka_takes() -> None:
    name = SERVICES["kafka"]["environment"]["CLUSTER_ID"]
    assert len(name) == 22
    assert len(base64.urlsafe_b64decode(f"{name}==")) == 16


def checks(name: str, **changes: str) -> None:
    """Run the health check of a service here, with other words for some."""
    command = [changes.get(word, word) for word in SERVICES[name]["healthcheck"]["test"][1:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_health_checks_find_servers_well_that_are(tmp_path: Path) -> None:
    with receiving() as receiver, alertmanager(impatient_copy(tmp_path, receiver), tmp_path) as manager:
        checks(
            "alertmanager",
            **{"--alertmanager.url=http://127.0.0.1:9093": f"--alertmanager.url={manager.url}"},
        )
        config = copied(tmp_path, f"{HOST}:1", every="250ms", alerts=manager)
        with prometheus(config, tmp_path) as server:
            checks("prometheus", **{"http://127.0.0.1:9090": server.url})


@pytest.mark.parametrize(("states", "is_well"), [((200, 200), True), ((200, 503), False)])
def test_the_health_check_of_workers_asks_each(states: tuple[int, int], is_well: bool) -> None:
    servers = [answering(state) for state in states]
    try:
        script = SERVICES["worker"]["healthcheck"]["test"][-1]
        for port, server in zip(WORKER_PORTS, servers, strict=True):
            assert str(port) in script
            script = script.replace(str(port), str(server.server_port))
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=20, check=False)
        assert (done.returncode == 0) == is_well
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def answering(state: int) -> ThreadingHTTPServer:
    """A server that answers so to whatever it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(state if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
