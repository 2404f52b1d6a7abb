"""The command line: `cxloop …`."""

import sys

from pipeline.cli.importing import interruptible


def main() -> None:
    """Run a command. What a user can mend is one clear text on stderr, never a traceback."""
    try:
        with interruptible():
            from pipeline.cli.commands import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


__all__ = ["main"]
