"""Metrics: integer counts that add up, and what is computed from them."""
