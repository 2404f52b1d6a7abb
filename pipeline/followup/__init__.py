"""Follow-ups: one open task per customer, with its reasons, clocks and outcomes."""
