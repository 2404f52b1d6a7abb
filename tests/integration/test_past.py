"""Events of the past, read back from the topics of an installation."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.broker import RealKafka
from tests.integration.in_process import make_topics
from tests.integration.kafka_log import Sending, read, write
from tests.integration.processes import cxloop, processes, until
from tests.integration.test_worker_tells_how_it_is import event


def test_a_backtest_takes_a_span_of_the_topics_each_event_once(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    make_topics(kafka.address, {prefix: 2})
    old, new = tmp_path / "old.yml", tmp_path / "new.yml"
    old.write_text(
        "rules: [{id: bad, summary: A bad review., when: {event: review.posted, rating: '<= 1'}, alert: info}]"
    )
    new.write_text(old.read_text().replace("<= 1", "<= 2"))

    def send(name: str, rating: int, part: int) -> None:
        value = event(name, "review.posted", part, f"reader-{name}", review_id=name, rating=rating)
        write(kafka.address, [Sending(f"{prefix}.reviews", value, name.encode(), (), part)])

    send("too-early", 1, 0)
    since = max(one.timestamp for one in read(kafka.address, [f"{prefix}.reviews"])[f"{prefix}.reviews"]) + 1
    until("time passes", lambda: datetime.now(UTC).timestamp() * 1000 > since)
    with processes(tmp_path) as some:
        # It forwards the reviews to touchpoints.
        worker = some.worker(kafka.address, prefix, "--partitions", "2")
        for number in range(6):
            send(f"r-{number}", 1 + number % 3, number % 2)
        touchpoints = f"{prefix}.touchpoints"
        until("they are forwarded", lambda: len(read(kafka.address, [touchpoints])[touchpoints]) >= 6)
        assert worker.end() == 0
    # As a quiet partition has them, sooner or later.
    tick = event("touchpoints/0/1", "clock.ticked", 30, "nobody")
    write(kafka.address, [Sending(touchpoints, tick, None, (), 0)])
    begin = datetime.fromtimestamp(since / 1000, UTC).isoformat()
    where = ("--broker", kafka.address, "--prefix", prefix)
    done = cxloop("backtest", "--from", begin, "--against", old, "--rules", new, "--json", *where)
    assert done.code == 0, done.said
    told = json.loads(done.out)
    assert told["events"] == 6
    assert (told["added"], told["removed"], told["moved"]) == (2, 0, 0)
    assert [(one["old"], one["new"]) for one in told["rules"]] == [(2, 4)]

    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    nothing = cxloop("backtest", "--from", later, "--against", old, *where)
    assert (nothing.code, nothing.err) == (2, f"no events arrived on {prefix}.* in that time\n")
