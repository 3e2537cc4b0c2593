"""What the service says on standard error: a line of JSON for each thing that happened, never what was in a row."""

from __future__ import annotations

import datetime
import json
import sys
from typing import Any

__all__ = ["say"]


def say(what: str, **more: Any) -> None:
    """Write one line.

    Args:
        what: what happened, in a word.
        more: anything else, as JSON values.
    """
    at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    print(json.dumps({"at": at, "what": what, **more}, default=str), file=sys.stderr, flush=True)
