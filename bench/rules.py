"""Ten rules for all shops, and the same ten for each of a hundred shops: a thousand."""

from __future__ import annotations

from pathlib import Path

from bench.load import LOCATIONS

#: The load's own places, and those of shops that it does not know.
PLACES = (*LOCATIONS, *(f"Place {number}" for number in range(100 - len(LOCATIONS))))

#: Of every kind that looks at events. Both packs fire about as often.
TEN = """
  - id: detractor{place}
    summary: A detractor{place}.
    when: {{event: survey.answered, nps: "<= 4", location: {location}}}
    once: {{per: customer, every: 30d}}
    alert: warning
    follow_up: {{team: care, due: 1 business day}}
  - id: promoter{place}
    summary: A promoter{place}.
    when: {{event: survey.answered, nps: 10, csat: 5, location: {location}}}
    once: {{per: customer, every: 7d}}
    alert: info
  - id: hard-work{place}
    summary: It was hard work for the customer{place}.
    when: {{event: survey.answered, ces: "<= 1", location: {location}}}
    alert: info
  - id: failed-at-checkout{place}
    summary: The checkout failed{place}.
    when: {{event: touchpoint.visited, outcome: failed, touchpoint: checkout, location: {location}}}
    alert: info
  - id: came-by-often{place}
    summary: A customer came by six times within an hour{place}.
    when: {{event: touchpoint.visited, count: {{at_least: 6, within: 1h}}, location: {location}}}
    alert: info
  - id: abandons-again{place}
    summary: A customer gave up three times within a day{place}.
    when: {{event: touchpoint.visited, outcome: abandoned, count: {{at_least: 3, within: 1d}}, location: {location}}}
    alert: info
  - id: contact-without-reply{place}
    summary: A customer has waited a day for a reply{place}.
    when: {{event: contact.opened, location: {location}}}
    unless: {{event: contact.replied, same: contact_id, within: 24h, by: agent}}
    alert: warning
    follow_up: {{team: service, due: 2h}}
  - id: not-delivered{place}
    summary: An order was not delivered within three days{place}.
    when: {{event: purchase.completed, location: {location}}}
    unless: {{event: order.delivered, same: order_id, within: 3d}}
    alert: info
  - id: angry-observation{place}
    summary: Staff saw an unhappy customer{place}.
    when: {{event: observation.noted, sentiment: "<= -0.5", location: {location}}}
    alert: info
  - id: selfservice-fails{place}
    summary: Self-service failed twice within a day{place}.
    when: {{event: selfservice.failed, count: {{at_least: 2, within: 1d}}, location: {location}}}
    alert: info
"""


def write_ten(folder: Path) -> Path:
    """The ten, for all places of the load."""
    return _write(folder / "ten.yml", TEN.format(place="", location=list(LOCATIONS)))


def write_thousand(folder: Path) -> Path:
    """The ten of each place."""
    rules = "".join(TEN.format(place=f"-{number}", location=place) for number, place in enumerate(PLACES))
    return _write(folder / "thousand.yml", rules)


def _write(path: Path, rules: str) -> Path:
    path.write_text(f"rules:{rules}", encoding="utf-8")
    return path
