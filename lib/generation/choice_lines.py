"""Questions with choices of their own, as the lines that a base model continues: the question, the right answer, the wrong ones.

A small model that first lists options and then has to repeat one of them word for word often repeats none. Asked for the answer
where it follows best, right after its question, and then for wrong ones, whatever it writes is a question with one answer. Each
wrong one has a name with its number: of a list without numbers SmolLM2 wrote as many as people in one line of four.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from lib.core.sources import Row
from lib.core.tasks import Card

_RIGHT, _WRONG = "answer", "wrong"


def about(options: int) -> dict[str, str]:
    """What the lines hold beside the card's fields, for so many choices."""
    return {_RIGHT: "the right one", f"{_WRONG} 1 to {options - 1}": "others of the same sort, each wrong"}


def line_names(card: Card, options: int) -> list[str]:
    """The names of all that a line holds, in their order."""
    return [*card.fields, _RIGHT, *(f"{_WRONG} {number}" for number in range(1, options))]


def as_line(card: Card, row: Row) -> Row:
    """A human example as a line shows it."""
    wrong = [choice for choice in row["choices"] if choice != row["label"]]
    numbered = {f"{_WRONG} {number}": choice for number, choice in enumerate(wrong, start=1)}
    return {name: row[name] for name in card.fields} | {_RIGHT: row["label"]} | numbered


def as_example(card: Card, item: Any, options: int) -> Row | str:
    """The example that a line holds, with so many choices, or what is wrong with it."""
    if not isinstance(item, dict):
        return "not an object"
    for name in (*card.fields, _RIGHT):
        if not isinstance(item.get(name), str) or not item[name].strip():
            return f"no {name}"
    texts = as_texts([item[_RIGHT], *(value for name, value in item.items() if name.startswith(_WRONG))])
    choices = dict[str, str]()
    for text in texts:
        choices.setdefault(text.casefold(), text)
    if len(choices) < options:
        return "too few different answers"
    different = [*choices.values()][:options]
    return {name: item[name].strip() for name in card.fields} | {"choices": different, "label": different[0]}


def with_choices_in_turn(row: Row, number: int, rng: Random) -> Row:
    """The example with its choices in a new order: the right one stands in each place in turn, by the number of the example."""
    others = [choice for choice in row["choices"] if choice != row["label"]]
    rng.shuffle(others)
    place = number % len(row["choices"])
    return row | {"choices": [*others[:place], row["label"], *others[place:]]}


def as_texts(values: Any) -> list[str]:
    """The texts of a list; none if it is no list of texts (numbers and true and false are written out)."""
    if not isinstance(values, list) or not all(isinstance(value, str | int | float | bool) for value in values):
        return []
    texts: Sequence[str] = [(str(value).lower() if isinstance(value, bool) else str(value)).strip() for value in values]
    return list(texts) if all(texts) else []
