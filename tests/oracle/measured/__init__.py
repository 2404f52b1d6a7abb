"""What docs/semantics.md says under "Metrics": the samples that metrics are made of, and what they come to.

Each file is one subject, and looks through all events of a history as one.

sample     an event that counts, a sample of it, and the values by which it is told apart
model      the journey, and what things are worth
known      what is kept of somebody for some time, and what of it counts
events     what one event tells
reviews    reviews and responses
contacts   contacts and their turns
promises   promises
ways       visits, stages and purchases of a customer
recovery   what becomes of unhappy customers
loop       how fast follow-ups go
formulas   what the samples of each metric come to
levels     what is open now
"""

from collections.abc import Sequence

from tests.oracle.measured import contacts, events, loop, promises, recovery, reviews, ways
from tests.oracle.measured.formulas import METRICS
from tests.oracle.measured.levels import levels
from tests.oracle.measured.model import Journey, Model
from tests.oracle.measured.sample import Acted, Counted, Sample, pane, pane_of


def samples(counted: Sequence[Counted], model: Model) -> list[Sample]:
    """All samples of a history, at their times."""
    subjects = (events, reviews, contacts, promises, ways, recovery, loop)
    return [sample for subject in subjects for sample in subject.samples(counted, model)]


__all__ = [
    "METRICS",
    "Acted",
    "Counted",
    "Journey",
    "Model",
    "Sample",
    "levels",
    "pane",
    "pane_of",
    "samples",
]
