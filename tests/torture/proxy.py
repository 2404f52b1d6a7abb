"""A proxy on the loopback, whose connections can be cut."""

from __future__ import annotations

import contextlib
import math
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Self

from tests.broker import HOST

#: Closed with this, a connection is reset: what is under way is lost.
_AT_ONCE = struct.pack("ii", 1, 0)


class Proxy:
    """Takes connections on one port and leads them to another. A context manager.

    While `broken` is set, new connections are refused as soon as they are there. Unless `passing` is set, nothing gets
    through, and nobody is told, as behind a firewall that has forgotten a connection.
    """

    def __init__(self, port: int, to: int) -> None:
        self.address = f"{HOST}:{port}"
        self.broken = threading.Event()
        self.passing = threading.Event()
        self.passing.set()
        self._pace = math.inf
        self._to = to
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listening = socket.create_server((HOST, port))

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()
        self.passing.set()
        self.cut()

    def cut(self) -> int:
        """Reset all connections. Returns how many there were."""
        with self._lock:
            some, self._open = self._open, set()
        for one in some:
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                one.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it
            one.close()
        return len(some) // 2

    @contextlib.contextmanager
    def slowly(self, pace: float) -> Iterator[None]:
        """Of what a client sends, only so many bytes a second get through on each connection."""
        self._pace = pace
        try:
            yield
        finally:
            self._pace = math.inf

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:  # closed
                return
            try:
                if self.broken.is_set():
                    raise ConnectionError
                broker = socket.create_connection((HOST, self._to))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, broker}
            for source, sink, forth in ((client, broker, True), (broker, client, False)):
                threading.Thread(target=self._pump, args=(source, sink, forth), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, forth: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self.passing.wait()
                if forth:
                    time.sleep(len(data) / self._pace)
                sink.sendall(data)
        with self._lock:
            self._open -= {source, sink}
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
