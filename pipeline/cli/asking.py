"""Asking a worker that runs."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from pipeline.errors import CxloopError, UsageError

#: So long a worker has to answer, s.
PATIENCE_S = 10.0


def ask(worker: str, path: str, **what: str) -> Any:
    """What a worker's status page says, from JSON. worker: its address. Raises UsageError or CxloopError."""
    url = f"{worker.rstrip('/')}/{path}"
    if not url.startswith(("http://", "https://")):
        raise UsageError(f'--worker: "{worker}" is no address; write for example http://127.0.0.1:6066')
    asked = f"{url}?{urllib.parse.urlencode(what)}" if what else url
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310 - it is one of the two
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise CxloopError(_said(error, url)) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise CxloopError(
            f"{url}: no worker answers there: {why}; its log says where its status page is"
        ) from error


def _said(error: urllib.error.HTTPError, url: str) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{url}: answers {error.code}; is this a worker of this version of cxloop?"
