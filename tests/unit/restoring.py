"""Is it safe to restore a state? A crash of the interpreter would take all other tests with it."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

PROGRAM = """
from pipeline.state.changelog import Changelog
from pipeline.state.logged import Position
from pipeline.state.seen import Seen
from pipeline.state.records import Remembered
from pipeline.state.store import Store

class Note(Remembered):
    text: str = ""

def changelog():
    store = Store()
    return store, Changelog(store, Seen(), (Note,))

store, log = changelog()
for number in range(2_000):
    store.put(("rule", f"key-{number}", ""), Note(text=str(number)), number)
for _ in range(3):
    _, copy = changelog()
    for record in log.snapshot(Position(applied=1)):
        copy.load(record)
    copy.loaded()
"""


@cache
def crashes() -> bool:
    return subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=False).returncode < 0
