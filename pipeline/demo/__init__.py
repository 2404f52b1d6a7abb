"""The demo's company: customers who live their journeys, so that the pipeline has something to do."""

from pipeline.demo.company import Arrival, Company

__all__ = ["Arrival", "Company"]
