"""cxloop: a customer-experience feedback loop that runs by itself."""

__version__ = "0.1.0"
