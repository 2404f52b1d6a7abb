"""Programs of Debian packages that these tests run."""

from __future__ import annotations

import shutil

PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
}


def program(name: str) -> str:
    """Its path. Fails where it is not installed."""
    found = shutil.which(name)
    assert found is not None, f"{name} is not installed: apt-get install {PACKAGES[name]}"
    return found
