"""A card of spans that no file backs, for tests that bring their own examples."""

from lib.core.tasks import Card

MADE_UP = {
    "name": "made_up",
    "description": "find dishes and tools.",
    "family": "made_up",
    "human_price": {"dollars": 1, "source": "made up"},
    "sources": {"own": {"files": {"train": "none.jsonl"}}},
}
DISHES = Card(**MADE_UP, kind="spans", fields={"text": "a recipe"}, labels={"dish": "what is made", "tool": "what with"})
