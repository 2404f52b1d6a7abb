"""Rules that are changed under a worker that runs on a real Kafka."""

from __future__ import annotations

import json
import signal
import uuid
from pathlib import Path

from tests.broker import RealKafka
from tests.integration.in_process import make_topics
from tests.integration.kafka_log import Sending, read, write
from tests.integration.processes import Process, processes, until
from tests.integration.test_worker_tells_how_it_is import event, metrics

RULES = """
rules:
  - id: {name}
    summary: A customer waits for an answer.
    when: {{event: contact.opened}}
    unless: {{event: contact.replied, same: contact_id, within: 1h}}
    alert: {severity}
"""
LOADED, READ_AT = "cxloop_rules_last_reload_successful", "cxloop_rules_last_reload_success_timestamp_seconds"


def version(worker: Process) -> str:
    ((of,),) = metrics(worker).by("cxloop_rules_info", "version")
    return of


def is_newest(worker: Process) -> bool:
    return bool(metrics(worker).by(LOADED))


def test_a_worker_goes_on_with_rules_that_were_changed(kafka: RealKafka, tmp_path: Path) -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}"
    make_topics(kafka.address, {prefix: 1})
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES.format(name="no-reply", severity="info"))

    def send(name: str, kind: str, minute: int, **data: str) -> None:
        value = event(name, kind, minute, "customer", **data)
        write(kafka.address, [Sending(f"{prefix}.touchpoints", value, b"customer", (), 0)])

    def alerts() -> list[dict[str, str]]:
        topic = f"{prefix}.alerts"
        found = [json.loads(record.value or b"") for record in read(kafka.address, [topic])[topic]]
        return [
            {"type": one["type"], "rule": one["data"]["rule"], "by": one["data"]["rules_version"],
             "severity": one["data"]["severity"], "code": one["data"].get("code", "")}
            for one in found
        ]  # fmt: skip

    with processes(tmp_path) as some:
        worker = some.worker(kafka.address, prefix, "--partitions", "1", "--rules", rules)
        until("it is ready", lambda: worker.is_ready)
        first = version(worker)
        send("opened-1", "contact.opened", 0, contact_id="k-1")
        send("visit-1", "touchpoint.visited", 90, touchpoint="home")
        until("it fires by the first rules", lambda: len(alerts()) == 1)

        # Wrong ones change nothing, and it says so.
        rules.write_text(RULES.format(name="no-reply", severity="loud"))
        until("it says that they are wrong", lambda: not is_newest(worker))
        assert version(worker) == first
        assert f"{rules}:7:12:" in worker.said
        assert "loud" in worker.said
        assert worker.is_ready

        # Right ones are in force for what waits already.
        send("opened-2", "contact.opened", 100, contact_id="k-2")
        rules.write_text(RULES.format(name="no-reply", severity="critical"))
        until("it has other rules", lambda: version(worker) != first)
        second = version(worker)
        assert is_newest(worker)
        send("visit-2", "touchpoint.visited", 190, touchpoint="home")
        until("it fires by the second rules", lambda: len(alerts()) == 2)

        # A rule that is gone takes its alerts along.
        rules.write_text(RULES.format(name="nobody-replied", severity="info"))
        until("it withdraws what stands", lambda: len(alerts()) == 4)
        third = version(worker)
        by = metrics(worker).by("cxloop_episodes_open", "rule")
        assert not by, by

        # Asked to, it reads files that did not change.
        before = metrics(worker).samples[READ_AT][0][1]
        worker.process.send_signal(signal.SIGHUP)
        until("it reads them again", lambda: metrics(worker).samples[READ_AT][0][1] > before)
        assert version(worker) == third
        assert worker.end() == 0

    assert alerts() == [
        {"type": "cx.alert.fired", "rule": "no-reply", "by": first, "severity": "info", "code": ""},
        {"type": "cx.alert.fired", "rule": "no-reply", "by": second, "severity": "critical", "code": ""},
        *[{"type": "cx.alert.resolved", "rule": "no-reply", "by": third, "severity": "info", "code": "withdrawn"}] * 2,
    ]  # fmt: skip
