"""What can go wrong between us and Kafka.

EngineError
├── BrokerUnreachableError   nobody answered at the start
├── TopicsError              topics that are not as we need them: all of them
├── ReplayError              dead letters that could not be sent again
└── StateAheadError          the state knows of offsets that the topic does not have
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import CxloopError

if TYPE_CHECKING:
    from pipeline.engine.connection import Connection
    from pipeline.engine.topics import Found


class EngineError(CxloopError):
    """Kafka, or what we keep in it, is not as it has to be."""


class BrokerUnreachableError(EngineError):
    """No broker answered at the start. waited_s: seconds."""

    def __init__(self, connection: Connection, waited_s: float, why: str) -> None:
        super().__init__(
            f"no Kafka broker answers at {connection.bootstrap} (waited {waited_s:g} s): {why}; is it running, is the "
            f"address right (--broker, CXLOOP_BROKER), and does it speak {connection.security_protocol} there "
            "(CXLOOP_SECURITY_PROTOCOL, CXLOOP_SASL_…, CXLOOP_SSL_…)?"
        )


class TopicsError(EngineError):
    """Topics that are not as they have to be; one line each. found: those that are there."""

    def __init__(self, problems: Sequence[str], found: Sequence[Found] = ()) -> None:
        self.problems, self.found = list(problems), list(found)
        super().__init__("\n".join(self.problems))


class ReplayError(EngineError):
    """Dead letters that could not be sent again."""


class StateAheadError(EngineError):
    """The state was made from a longer topic than the one that is there."""

    def __init__(self, topic: str, partition: int, applied: int, end: int) -> None:
        super().__init__(
            f"{topic}/{partition} ends at offset {end}, but its state was made up to offset {applied}: was the "
            f"topic deleted and made anew? Then delete {topic}.changelog too, or use another prefix"
        )
