"""A second, plain implementation of docs/semantics.md, to judge the first one by.

It shares no code with `pipeline/`. It keeps every event for ever and looks through all of them each time it
wants to know something, so that each part can be read beside the paragraph that it stands for.

reading    a line becomes an event, or a reason why not
rules      a rule's conditions, keys and durations; business days
shard      the steps of one shard: watermark, duplicates, timers, lateness
episodes   the life of a rule's matches: events, counts, absences, cooldown
pace       whether events come as is usual, and the rules about it
followups  the life of follow-ups
measured   what metrics are made of, and what they come to
metrics    metrics in windows, and the rules about them
"""

from tests.oracle.reading import Event, read_line
from tests.oracle.shard import Oracle, run

__all__ = ["Event", "Oracle", "read_line", "run"]
