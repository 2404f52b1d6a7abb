"""The engine: moves events through hearts, exactly once, and runs what stands beside that."""

from pipeline.engine.connection import Connection
from pipeline.engine.embedded import embedded_broker
from pipeline.engine.errors import BrokerUnreachableError, EngineError, StateAheadError, TopicsError
from pipeline.engine.feed import Feed
from pipeline.engine.health import Health, PartitionHealth
from pipeline.engine.path import EventPath
from pipeline.engine.supervise import supervise
from pipeline.engine.topics import Plan
from pipeline.engine.tuning import Tuning
from pipeline.engine.worker import run_worker

__all__ = [
    "BrokerUnreachableError",
    "Connection",
    "EngineError",
    "EventPath",
    "Feed",
    "Health",
    "PartitionHealth",
    "Plan",
    "StateAheadError",
    "TopicsError",
    "Tuning",
    "embedded_broker",
    "run_worker",
    "supervise",
]
