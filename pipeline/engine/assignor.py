"""Who of a group gets which partitions: of each topic the same number, and as far as that goes those that they had.

aiokafka's sticky assignor counts the partitions of all topics together. So of two workers one may get all reviews and
the other all touchpoints, which are most of the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment


class EvenAssignor(StickyPartitionAssignor):  # type: ignore[misc]
    """Tells the group what a member had as the sticky one does, and shares out anew."""

    name = "cxloop-even"

    @classmethod
    def assign(cls, cluster: Any, members: Mapping[str, Any]) -> dict[str, ConsumerProtocolMemberAssignment]:
        """As the protocol wants it. cluster: knows the partitions of topics; members: by id, what each has told."""
        told = {member: cls.parse_member_metadata(metadata) for member, metadata in members.items()}
        names = sorted({topic for one in told.values() for topic in one.subscription})
        given = shared_out(
            {topic: sorted(cluster.partitions_for_topic(topic) or ()) for topic in names},
            {member: (one.generation, one.partitions) for member, one in told.items()},
        )
        return {
            member: ConsumerProtocolMemberAssignment(cls.version, sorted(of.items()), b"")
            for member, of in given.items()
        }


def shared_out(
    topics: Mapping[str, Iterable[int]], members: Mapping[str, tuple[int, Iterable[TopicPartition]]]
) -> dict[str, dict[str, list[int]]]:
    """Member → topic → partitions. members: the generation of the group that each was last in, and what it had then.

    Of a topic nobody gets two more than anybody else. Where some must get one more, it is those who have least of the
    topics before, and of these who had more of this one.
    """
    before: dict[TopicPartition, str] = {}
    for _, member in sorted((generation, member) for member, (generation, _) in members.items()):
        before |= dict.fromkeys(members[member][1], member)  # who says it last is right
    given: dict[str, dict[str, list[int]]] = {member: {} for member in members}
    total = dict.fromkeys(members, 0)
    for topic, partitions in topics.items():
        had: dict[str, list[int]] = {member: [] for member in members}
        free: list[int] = []
        for partition in partitions:
            owner = before.get(TopicPartition(topic, partition))
            (had[owner] if owner is not None else free).append(partition)
        order = sorted(members, key=lambda member: (total[member], -len(had[member]), member))
        least, more = divmod(len(free) + sum(map(len, had.values())), len(order))
        room = {member: least + (place < more) for place, member in enumerate(order)}
        free += [partition for member in order for partition in had[member][room[member] :]]
        for member in order:
            kept = had[member][: room[member]]
            some = room[member] - len(kept)
            kept, free = sorted(kept + free[:some]), free[some:]
            total[member] += len(kept)
            if kept:
                given[member][topic] = kept
    return given
