"""The page to try a model on: one file that needs nothing from elsewhere, and that knows nothing until it has asked.

What it shows it fetches from the service with the reader's own token, and sets as text, never as markup.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

__all__ = ["PAGE", "POLICY"]


def _digests(tag: str) -> str:
    """The parts of a kind within the page, by which a browser knows that they are ours."""
    parts = re.findall(rf"<{tag}>(.*?)</{tag}>".encode(), PAGE, re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(part).digest()).decode()}'" for part in parts)


PAGE = Path(__file__).with_name("page.html").read_bytes()
POLICY = (
    f"default-src 'none'; script-src {_digests('script')}; style-src {_digests('style')}; connect-src 'self'; "
    "img-src blob: data:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
