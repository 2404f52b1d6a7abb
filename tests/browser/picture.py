"""Takes the pictures of the demo's status page for the docs, in a real browser.

usage: python -m tests.browser.picture docs
"""

from __future__ import annotations

import re
import subprocess
import sys
import time

from tests.browser.chromium import chromium

#: So long (s) the company lives before the picture is taken: some 40 simulated hours.
LIVES_S = 40


def main(folder: str) -> None:
    """Run the demo, wait, take the pictures, and end the demo."""
    command = [sys.executable, "-m", "pipeline.cli", "demo", "--port", "0", "--for", f"{LIVES_S + 60}s"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert demo.stdout is not None
        url = next(found[0] for line in demo.stdout if (found := re.search(r"http://\S+", line)))
        time.sleep(LIVES_S)
        with chromium() as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 1500})
            page.goto(url)
            page.wait_for_timeout(3_000)
            page.screenshot(path=f"{folder}/status-page.png")
            for section in ("journey", "catalogue"):
                page.locator(f"#{section}").screenshot(path=f"{folder}/{section}.png")
    finally:
        demo.terminate()
        demo.communicate()


if __name__ == "__main__":
    main(sys.argv[1])
