"""The hearts and what they are made of, from settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.board import Board, BoardSettings
from pipeline.effects import METRICS, REVIEWS, TOUCHPOINTS, Effects, Heart
from pipeline.events.codec import Record
from pipeline.events.journey import Journey
from pipeline.followup.clocks import BusinessClock
from pipeline.handlers import ShardSettings
from pipeline.journey_file import read_journey
from pipeline.metrics.weights import Weights
from pipeline.rules.compiled import Role, RuleSet
from pipeline.rules.load import load
from pipeline.settings import Settings
from pipeline.shard import Shard

ROLES: Mapping[str, frozenset[Role]] = {
    TOUCHPOINTS: frozenset((Role.CUSTOMER,)),
    REVIEWS: frozenset((Role.REVIEW,)),
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What the hearts are made of."""

    shard: ShardSettings
    board: BoardSettings
    prefix: str

    @property
    def rules(self) -> RuleSet:
        """The rules in force."""
        return self.shard.rules

    def heart(self, topic: str, partition: int) -> Heart:
        """The heart of one partition of an input topic (without its prefix)."""
        if topic == METRICS:
            return Board(self.board)
        full = f"{self.prefix}.{topic}"

        def origin(record: Record) -> dict[str, Any]:
            return {"topic": full, "partition": partition, "offset": record.offset}

        return Shard(self.shard, f"{topic}/{partition}", ROLES[topic], origin)

    def change(self, heart: Heart) -> Effects:
        """Let a heart that runs go on with these parts; what that says."""
        if isinstance(heart, Board):
            return heart.adopt(self.board)
        assert isinstance(heart, Shard)
        return heart.adopt(self.shard)


def build(settings: Settings, rules: Sequence[Path] | None = None) -> Parts:
    """Read rules and journey. Raises RulesError or FileError with all that is wrong."""
    rule_set = load(settings.rules if rules is None else rules, settings.language)
    clock = BusinessClock(settings.zone)
    journey: Journey = read_journey(settings.journey)
    kept = rule_set.metrics().union(settings.metrics)
    shard = ShardSettings(
        rules=rule_set,
        clock=clock,
        journey=journey,
        metrics=kept,
        dimensions=settings.dimensions,
        weights=Weights(settings.engagement, settings.told),
        lateness=settings.lateness,
        seen_limit=settings.seen_limit,
    )
    board = BoardSettings(
        rules=rule_set,
        clock=clock,
        metrics=kept,
        value_limit=settings.value_limit,
        windows=settings.windows,
    )
    return Parts(shard, board, settings.prefix)
