"""What the pipeline knows of itself and of its customers, for a page, a terminal and Prometheus."""

from pipeline.observe.feed import Feed
from pipeline.observe.gauges import Gauges
from pipeline.observe.truth import Pulse, Truth
from pipeline.observe.views import BoardView, Health, MetricValue, PartitionView

__all__ = ["BoardView", "Feed", "Gauges", "Health", "MetricValue", "PartitionView", "Pulse", "Truth"]
