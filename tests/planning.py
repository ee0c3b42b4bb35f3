"""A plan of 01 in one call: the card, the method by name, the human examples (or the seed example), the settings by name."""

from collections.abc import Sequence
from typing import Any

from lib.core.config import _build
from lib.core.sources import Row
from lib.core.tasks import Card
from lib.generation import METHODS, Plan, plan_for
from lib.generation.settings import GenerationSettings


def plan_of(card: Card, method: str = "zero_shot", raw: Sequence[Row] | Row = (), **settings: Any) -> Plan:
    if method in METHODS and "per_reply" in METHODS[method].uses:
        settings = {"per_reply": 5} | settings
    if method in METHODS and "topics" in METHODS[method].uses:
        settings = {"topics": 3} | settings  # As few as the lists of a test have.
    settings = {"drop_junk": False} | settings  # The texts of a test may be short.
    rows = [raw] if isinstance(raw, dict) else raw
    return plan_for(card, rows, method=method, settings=_build(GenerationSettings, settings, "settings"))
