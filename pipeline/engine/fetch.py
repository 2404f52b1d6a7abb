"""Records of a fetch, unpacked when the heart comes to them.

aiokafka makes an object of eleven fields of every record, in Python, one at a time: 3 µs an event, more than
all that the engine does besides. Its C extension has made a record already, with all that a heart wants
(offset, timestamp, key, value, headers). Here that one is handed over, and made no sooner than it is wanted: what
waits stays as it came, compressed where it was, and what is unpacked is still in the processor's cache.

This reaches into aiokafka, which is pinned exactly. `tests/engine/test_fetch.py` holds it against the original.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain, dropwhile
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException


class Unread:
    """Records that stand together in the log, unpacked as they are asked for. behind: the offset behind them."""

    __slots__ = ("behind", "records")

    def __init__(self, batch: Any, wanted: int) -> None:
        self.behind: int = batch.next_offset
        # A batch may be iterated once only; `chain` may be asked again and again for what is left.
        self.records: Iterator[Any] = chain(batch)
        if batch.base_offset < wanted:
            # It is fetched whole, even if we want to begin in its midst.
            self.records = dropwhile(lambda record: record.offset < wanted, self.records)


class _Whole(PartitionRecords):  # type: ignore[misc]
    def _unpack_records(self) -> Iterator[Any]:
        """As the original, but for what it does record by record."""
        records = self._records
        while records.has_next():
            batch = records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {self._tp}")
            if self._isolation_level == READ_COMMITTED and batch.producer_id is not None:
                self._consume_aborted_up_to(batch.base_offset)
                if batch.is_control_batch and self._contains_abort_marker(batch):
                    self._aborted_producers.discard(batch.producer_id)
                if batch.is_transactional and batch.producer_id in self._aborted_producers:
                    self.next_fetch_offset = batch.next_offset
                    continue
            if batch.is_control_batch:
                self.next_fetch_offset = batch.next_offset
                continue
            # Right only because all of a fetch is taken at once: `getmany` without `max_records`.
            wanted, self.next_fetch_offset = self.next_fetch_offset, batch.next_offset
            yield Unread(batch, wanted)


class _Fetched(OrderedDict[TopicPartition, Any]):
    """The fetcher's buffer: what is put in here comes out unpacked our way."""

    def __setitem__(self, at: TopicPartition, fetched: Any) -> None:
        if type(fetched) is FetchResult:
            unpacking = fetched._partition_records  # noqa: SLF001
            unpacking.__class__ = _Whole
            # The original one has not begun yet.
            unpacking._records_iterator = unpacking._unpack_records()  # noqa: SLF001
        super().__setitem__(at, fetched)


def unpack_whole_batches(consumer: AIOKafkaConsumer) -> None:
    """Let the `getmany` of a consumer that was just started give lists of `Unread`.

    From now on call `getmany` without `max_records` only.
    """
    fetcher = consumer._fetcher  # noqa: SLF001
    assert not fetcher._records  # noqa: SLF001
    fetcher._records = _Fetched()  # noqa: SLF001
