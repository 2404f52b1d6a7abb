"""The clients' logs, made bearable: without a broker they write hundreds of lines a second."""

from __future__ import annotations

import logging
import time

#: A message is let through once in so many seconds.
EVERY_S = 10.0
CLIENTS = ("aiokafka", "faust", "kafka", "mode")
#: Where classes of Faust's have their logger that are changed a little here.
_FAUST_APP = "pipeline.engine.faust_app"
#: What asyncio says of clients that had to be left behind when the process ends.
_LEFT_BEHIND = "Task was destroyed but it is pending!"


class Calm(logging.Filter):
    """Lets the same message of the same logger through once in a while."""

    def __init__(self) -> None:
        super().__init__()
        self._let: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to let it through."""
        # How the broker verifies a transaction's first write; it is tried again at once.
        if "NotEnoughReplicasError" in str(record.args):
            return False
        now = time.monotonic()
        what = record.name, record.msg
        if now - self._let.get(what, -EVERY_S) < EVERY_S:
            return False
        self._let[what] = now
        return True


def calm_clients() -> None:
    """Warnings and errors of the Kafka clients and of Faust only, and none of them in floods."""
    calm = Calm()
    logging.getLogger("asyncio").addFilter(lambda record: not str(record.msg).startswith(_LEFT_BEHIND))
    for name in (*CLIENTS, _FAUST_APP):
        logging.getLogger(name).setLevel(logging.WARNING)
    # A filter does not count for the loggers below.
    for name in [*logging.root.manager.loggerDict]:
        if name.partition(".")[0] in CLIENTS:
            logging.getLogger(name).addFilter(calm)
