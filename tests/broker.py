"""A real Apache Kafka on this machine, for tests, benchmarks and local work.

    with RealKafka() as kafka:
        kafka.create_topics({"orders": 4})
        connect_to(kafka.address)

It is one JVM in KRaft combined mode, with a temporary directory of its own, on loopback ports.
The jars come from Maven Central, once (deploy/kafka/pom.xml). Needs Java 17 or later, and Maven
for the first start. `python -m tests.broker` runs one until Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

RECIPE = Path(__file__).parents[1] / "deploy" / "kafka"
HOST = "127.0.0.1"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
CLUSTER_ID = "cxloop-local-cluster-0"  # any 22 characters of base64

# One node, so nothing can be replicated; small, so that it starts fast and leaves room for tests.
SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},PROXIED://{host}:{behind_port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port},PROXIED://{host}:{proxied_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}

offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
# Tests of failure do not want to wait as long as production: for a broker's return after a kill,
# for a consumer's absence to be seen, for an open transaction to be aborted.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=250
group.min.session.timeout.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000

log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=8388608
log.index.size.max.bytes=1048576
"""


class BrokerError(RuntimeError):
    """The broker cannot be had, or does not answer; the message says what to do about it."""


class RealKafka:
    """One broker of its own; a context manager that starts it, and at the end stops and removes it.

    port: of the clients' listener, else a free one. heap_mb: the JVM's -Xmx.
    A proxy that listens on `proxied_port` and leads to `behind_port` has all traffic of clients that bootstrap there.
    Raises BrokerError where Java or Maven is missing, or the broker does not answer in time.
    """

    def __init__(self, port: int | None = None, *, heap_mb: int = 768) -> None:
        classpath = f"{jars()}/*{os.pathsep}{RECIPE}"  # RECIPE for log4j2.properties
        self._java = [program("java"), f"-Xmx{heap_mb}m", "-cp", classpath]
        self._port = port or free_port()
        self.proxied_port, self.behind_port = free_port(), free_port()
        self._home = Path(tempfile.mkdtemp(prefix="cxloop-kafka-"))
        self._broker: subprocess.Popen[bytes] | None = None
        self._leash: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """`host:port` for `bootstrap.servers`; the same after a restart."""
        return f"{HOST}:{self._port}"

    @property
    def log(self) -> Path:
        """What the broker printed, of all its starts."""
        return self._home / "broker.log"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # What it holds is thrown away: no need to wait for an orderly end.
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def start(self) -> None:
        """Start it, with what it held before, and wait until it answers."""
        if self._broker is not None:
            raise BrokerError(f"the broker at {self.address} is running already")
        config = self._home / "server.properties"
        if not config.exists():
            self._format(config)
        with self.log.open("ab") as log:
            self._broker = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop the broker
            )
        self._leash = leash(self._broker.pid)
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End it in good order. Does nothing where it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power cut would. Does nothing where it is not running."""
        self._end(signal.SIGKILL)

    def fill_disk(self) -> None:
        """Let no file of it grow any more, as on a disk that is full, and wait until it has given up."""
        if self._broker is None:
            raise BrokerError("the broker is not running")
        resource.prlimit(self._broker.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        try:
            self._broker.wait(START_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise BrokerError("the broker lives on without room on its disk") from error
        self.kill()

    def restart(self) -> None:
        """Stop it, and start it with the same address and data."""
        self.stop()
        self.start()

    def create_topics(self, partitions: Mapping[str, int], config: Mapping[str, str] | None = None) -> None:
        """Create topics, all with the same `config`.

        partitions: topic to its number of partitions. Raises BrokerError where one cannot be made.
        """
        admin = self._admin()  # must outlive what it was asked
        topics = [NewTopic(name, count, 1, config=dict(config or {})) for name, count in partitions.items()]
        for name, created in admin.create_topics(topics, operation_timeout=10).items():
            try:
                created.result()
            except KafkaException as error:
                raise BrokerError(f"cannot create topic {name}: {error}") from error
        # Created is not ready: the first metadata may still lack the leaders.
        deadline = time.monotonic() + START_TIMEOUT_S
        while not all(_led(admin, name, count) for name, count in partitions.items()):
            if time.monotonic() > deadline:
                raise BrokerError(f"no leaders after {START_TIMEOUT_S:.0f} s: {', '.join(partitions)}")
            time.sleep(0.02)

    def limit(self, topic: str, size: int) -> None:
        """Let a topic take batches of so many bytes at most."""
        client: Any = KafkaAdminClient(bootstrap_servers=self.address)
        configs = {"max.message.bytes": str(size)}
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs)])
        client.close()

    def delete_topics(self, *names: str) -> None:
        """Delete topics, and wait until they are gone. Raises BrokerError where one cannot be deleted."""
        admin = self._admin()
        for name, deleted in admin.delete_topics(list(names), operation_timeout=10).items():
            try:
                deleted.result()
            except KafkaException as error:
                raise BrokerError(f"cannot delete topic {name}: {error}") from error
        deadline = time.monotonic() + START_TIMEOUT_S
        while {*names} & admin.list_topics(timeout=5).topics.keys():
            if time.monotonic() > deadline:
                raise BrokerError(f"still there after {START_TIMEOUT_S:.0f} s: {', '.join(names)}")
            time.sleep(0.02)

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def settings(self, data: Path) -> str:
        """Its server.properties. data: the folder for what it holds."""
        return SETTINGS.format(
            host=HOST,
            port=self._port,
            proxied_port=self.proxied_port,
            behind_port=self.behind_port,
            controller_port=free_port(),
            data=data,
        )

    def _format(self, config: Path) -> None:
        config.write_text(self.settings(self._home / "data"))
        run([*self._java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(config)])

    def _wait_until_it_answers(self) -> None:
        assert self._broker is not None
        admin, deadline = self._admin(), time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._broker.poll() is not None:
                raise BrokerError(f"Apache Kafka ended while starting:\n{self._last_words()}")
            # The port opens before the broker has its place in the cluster: only that is an answer.
            with contextlib.suppress(KafkaException):
                if admin.list_topics(timeout=0.5).brokers:
                    return
            time.sleep(0.05)
        raise BrokerError(f"Apache Kafka does not answer in {START_TIMEOUT_S:.0f} s:\n{self._last_words()}")

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def _end(self, how: signal.Signals) -> None:
        broker, self._broker = self._broker, None
        leash, self._leash = self._leash, None
        if leash is not None:
            leash.kill()  # before the broker is gone, so that it never pulls at another's process id
            leash.communicate()
        if broker is not None:
            broker.send_signal(how)
            try:
                broker.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                broker.kill()
                broker.wait()


def jars() -> Path:
    """The folder with the broker's jars."""
    return fetched("kafka", RECIPE / "pom.xml")


def fetched(name: str, recipe: Path) -> Path:
    """The folder with the jars of a Maven project, fetched where they are not there yet."""
    content = recipe.read_bytes()
    version = ET.fromstring(content).findtext(".//{*}kafka.version")
    folder = cache() / f"{name}-{version}-{hashlib.sha256(content).hexdigest()[:8]}"
    if not folder.is_dir():
        print(f"fetching Apache Kafka {version} into {folder}", file=sys.stderr, flush=True)
        # Into a place of its own, then one rename: others may be fetching, and nobody sees half of it.
        with tempfile.TemporaryDirectory(dir=cache()) as temporary:
            output = Path(temporary) / "jars"
            goal = ["dependency:copy-dependencies", f"-DoutputDirectory={output}"]
            run([program("mvn"), "-q", "-B", "-f", str(recipe), *goal])
            with contextlib.suppress(OSError):  # another one was faster
                output.rename(folder)
    return folder


def cache() -> Path:
    """Where what is fetched once stays."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cxloop"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def free_port() -> int:
    """A port of the loopback address that nobody listens on.

    Below the ephemeral range: a client that keeps trying to reach a broker that is down would,
    from an ephemeral port, sooner or later connect to itself and keep the broker from coming back.
    """
    chance = random.Random()
    while True:
        port = chance.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            return port


def _led(admin: AdminClient, topic: str, partitions: int) -> bool:
    """Whether the topic has all its partitions, and each a leader."""
    known = admin.list_topics(topic, timeout=10).topics[topic].partitions
    return len(known) == partitions and all(partition.leader >= 0 for partition in known.values())


def leash(pid: int) -> subprocess.Popen[bytes]:
    """A shell that ends process `pid` when this process is gone, however it went."""
    return subprocess.Popen(
        ["/bin/sh", "-c", 'read -r _; kill -9 "$0"', str(pid)],
        stdin=subprocess.PIPE,  # its other end closes with us
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


PACKAGES = {"java": "default-jre-headless", "mvn": "maven"}


def program(name: str) -> str:
    """Its path. Raises BrokerError where it is not installed."""
    if found := shutil.which(name):
        return found
    raise BrokerError(
        f"the real Apache Kafka needs `{name}` (Java 17 or later, and Maven for the first start), "
        f"which is not installed; on Debian or Ubuntu: apt-get install {PACKAGES[name]}"
    )


def run(command: list[str]) -> None:
    """Run a program to its end. Raises BrokerError with what it said where that went wrong."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BrokerError(
            f"`{' '.join(command)}` failed with {done.returncode}:\n{done.stdout}{done.stderr}".rstrip()
        )


def main() -> None:
    """Run a broker until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.broker", description=main.__doc__)
    parser.add_argument("--port", type=int, default=9092, help="of the broker (default: %(default)s)")
    parser.add_argument("--fetch", action="store_true", help="fetch what it needs, and end")
    options = parser.parse_args()
    try:
        if options.fetch:
            jars()
            return
        with RealKafka(options.port) as kafka:
            print(f"Apache Kafka answers at {kafka.address}; Ctrl-C ends it and its data.", flush=True)
            ends = {signal.SIGINT, signal.SIGTERM}
            signal.pthread_sigmask(signal.SIG_BLOCK, ends)
            signal.sigwait(ends)
    except BrokerError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
