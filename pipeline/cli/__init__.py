"""The command line: `cxloop …`."""

import sys


def main() -> None:
    """Run a command. What a user can mend is one clear text on stderr, never a traceback."""
    try:
        # Here, for it takes its time, and people press Ctrl-C in that time too.
        from pipeline.cli.commands import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


__all__ = ["main"]
