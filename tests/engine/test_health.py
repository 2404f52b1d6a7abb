"""What the engine says about itself."""

from __future__ import annotations

from pipeline.engine import Health, PartitionHealth


def test_ready_means_that_every_partition_is_open_and_the_broker_answers() -> None:
    health = Health()
    told = [health.ready]
    health.joined = True
    told.append(health.ready)
    one = health.assigned("touchpoints", 0)
    told.append(health.ready)
    one.state = "running"
    told.append(health.ready)
    health.broker = "gone"
    told.append(health.ready)
    assert told == [False, True, False, True, False]


def test_nobody_is_ready_who_gives_his_partitions_away() -> None:
    health = Health(joined=True)
    health.stopping = True
    assert health.unready() == ["This worker hands its partitions over and ends."]


def test_before_it_is_measured_the_lag_is_not_known() -> None:
    health = Health()
    one = health.assigned("reviews", 0)
    assert one.lag is None
    one.lag = 7
    assert (health.assigned("reviews", 0).lag, health.lag) == (None, 0)


def test_what_was_measured_before_a_commit_goes_along_with_it() -> None:
    one = Health().assigned("touchpoints", 0)
    one.applied, one.end, one.lag = 23_720, 23_771, 50
    one.committed(23_760)
    assert (one.applied, one.end, one.lag) == (23_760, 23_771, 10)
    one.committed(23_789)
    assert (one.applied, one.end, one.lag) == (23_789, 23_790, 0)


def test_sums_go_on_when_a_partition_comes_back() -> None:
    health = Health()
    one = health.assigned("touchpoints", 0)
    health.transaction(one, 10, 0.5)
    health.gone("touchpoints", 0)
    assert health.partitions == {}
    again = health.assigned("touchpoints", 0)
    health.transaction(again, 5, 0.25)
    assert (again.records, again.transactions, again.transaction_seconds) == (15, 2, 0.75)
    assert (again.batch_records, again.batch_seconds) == (5, 0.25)


def test_observers_see_each_step_and_transaction() -> None:
    seen: list[tuple[str, int, float]] = []

    def observer(one: PartitionHealth, records: int, seconds: float) -> None:
        seen.append((one.name, records, seconds))

    health = Health(on_step=observer, on_transaction=observer)
    health.step(health.assigned("reviews", 3), 4, 0.25)
    health.transaction(health.assigned("reviews", 3), 7, 0.125)
    assert seen == [("reviews/3", 4, 0.25), ("reviews/3", 7, 0.125)]


def test_alive_is_about_the_poll_loop_only() -> None:
    health = Health()
    assert health.alive()
    health.polled -= 200
    assert not health.alive()
