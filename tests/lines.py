"""What the tests of base models share: human examples, and what a server gives back that continues lines."""

import hashlib
from typing import Any

from lib.core.sources import Row

RAW: list[Row] = [{"id": f"r{number}", "text": f"remark {number}", "label": ("kind", "rude")[number % 2]} for number in range(12)]


def continuations(*texts: str) -> dict[str, Any]:
    choices = [{"index": at, "text": text, "finish_reason": "stop"} for at, text in enumerate(texts)]
    return {"choices": choices, "usage": {"prompt_tokens": 50, "completion_tokens": 20}}


def remark(number: int) -> str:
    """One that is like no other."""
    return f"Well, {hashlib.sha256(str(number).encode()).hexdigest()[:24]}!"
