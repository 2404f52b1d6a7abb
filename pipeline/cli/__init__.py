"""The command line: `cxloop …`."""

from pipeline.cli.main import main

__all__ = ["main"]
