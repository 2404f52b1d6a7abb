"""Records of a fetch, unpacked when the heart comes to them.

aiokafka makes an object of eleven fields of every record, in Python, one at a time: 3 µs an event, more than
all that the engine does besides. Its C extension has made a record already, with all that a heart wants
(offset, timestamp, key, value, headers). Here that one is handed over, and made no sooner than it is wanted: what
waits stays as it came, compressed where it was, and what is unpacked is still in the processor's cache.

This reaches into aiokafka, which is pinned exactly. `tests/engine/test_fetch.py` holds it against the original.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import chain, dropwhile, islice
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

#: So many records are unpacked at a time: few enough to be in the processor's cache when the heart comes to them.
UNPACKED = 128


class Unread:
    """Records that stand together in the log, unpacked as they are asked for.

    behind: the offset behind them; size: bytes, as they stand in the log.
    """

    __slots__ = ("_base", "_data", "_records", "_wanted", "behind", "size")

    def __init__(self, batch: Any, wanted: int, data: bytes, size: int) -> None:
        self.behind: int = batch.next_offset
        self.size = size
        self._base, self._wanted, self._data = batch.base_offset, wanted, data
        self._records = self._from_wanted(batch)

    def take(self, most: int) -> list[Any]:
        """The next records, so many at most; less only where there are no more."""
        try:
            some = list(islice(self._records, most))
        except UnicodeDecodeError:
            self._records = self._from_wanted(_lenient_batch(self._data, self._base))
            some = list(islice(self._records, most))
        if some:
            self._wanted = some[-1].offset + 1
        return some

    def __iter__(self) -> Iterator[Any]:
        """All that is left."""
        while some := self.take(UNPACKED):
            yield from some

    def _from_wanted(self, batch: Iterable[Any]) -> Iterator[Any]:
        # A batch may be iterated once only; `chain` may be asked again and again for what is left.
        records, wanted = chain(batch), self._wanted
        # It is fetched whole, even if we want to begin in its midst.
        return dropwhile(lambda record: record.offset < wanted, records) if self._base < wanted else records


def _lenient_batch(data: bytes, base: int) -> Any:
    """The batch that begins at this offset, with names of headers that are no UTF-8 as well as they can be read.

    aiokafka raises at such a name, and does not come to the records behind it. Producers other than Java's can write
    one. data: what was fetched, in which the batch is.
    """
    at = 0
    while True:
        end = _end(data, at)
        if int.from_bytes(data[at : at + 8]) == base:
            batch: Any = _DefaultRecordBatchPy(data[at:end])
            batch._maybe_uncompress()  # noqa: SLF001
            batch._buffer = _Lenient(batch._buffer)  # noqa: SLF001
            return batch
        at = end


#: What a batch begins with: its first offset, and how many bytes follow.
_BATCH = struct.Struct(">qi")


def _end(data: bytes, at: int) -> int:
    """Where the batch ends that begins there."""
    return at + _BATCH.size + int(_BATCH.unpack_from(data, at)[1])


class _Lenient(bytearray):
    """Bytes of which all that is cut off can be decoded."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Lenient(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


class _Kept(MemoryRecords):  # type: ignore[misc]
    """What was fetched, and its bytes."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


fetcher.MemoryRecords = _Kept


class _Whole(PartitionRecords):  # type: ignore[misc]
    def _unpack_records(self) -> Iterator[Any]:
        """As the original, but for what it does record by record."""
        records, end = self._records, 0
        while records.has_next():
            batch = records.next_batch()
            begin, end = end, _end(records.data, end)
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
            yield Unread(batch, wanted, records.data, end - begin)


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
    fetching = consumer._fetcher  # noqa: SLF001
    assert not fetching._records  # noqa: SLF001
    fetching._records = _Fetched()  # noqa: SLF001
