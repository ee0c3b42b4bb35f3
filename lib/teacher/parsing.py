"""What a reply says. A reply is read tolerantly and item by item: one bad item never costs the others."""

import json
import re
from collections.abc import Sequence
from typing import Any

import json_repair

from lib.core.tasks import Card

FENCE = re.compile(r"^\s*```[a-zA-Z]*\s*|\s*```\s*$")
FEWEST_TURNS = 4
"""A dialogue with fewer says too little to learn from."""
STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def read_json(text: str) -> tuple[Any, bool]:
    """The JSON in a reply, repaired where it is broken, and whether it was cut off at the end."""
    bare = FENCE.sub("", text).strip()
    start = min((i for i in (bare.find("{"), bare.find("[")) if i >= 0), default=-1)
    try:
        try:
            return whole_characters(first_json(bare, max(start, 0))), False
        except ValueError:
            return (None, False) if start < 0 else (whole_characters(json_repair.loads(bare[start:])), is_cut(bare[start:]))
    except (ValueError, RecursionError):  # A thousand brackets in a row, say.
        return None, False


def first_json(text: str, start: int) -> Any:
    """The JSON that starts there, if it is well-formed; prose may come after it, but no more JSON."""
    content, end = json.JSONDecoder().raw_decode(text, start)
    if any(bracket in text[end:] for bracket in "{["):
        raise ValueError("more than one piece of JSON")
    return content


def whole_characters(content: Any) -> Any:
    """JSON can escape half of a character (a lone surrogate), which no file, prompt or store can hold."""
    return json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))


def is_cut(text: str) -> bool:
    """Whether the end is missing, as opposed to prose after it: brackets are left open, outside of strings."""
    bare = STRING.sub("", text)
    return not text.rstrip().endswith(("}", "]")) and sum(map(bare.count, "{[")) > sum(map(bare.count, "}]"))


def read_list(text: str, name: str) -> list[Any] | None:
    """The list under `name` in a reply, or the reply if it is itself a list; None if there is neither."""
    content, cut = read_json(text)
    if isinstance(content, dict):
        content = content.get(name, [content] if name not in content and content else None)
    if not isinstance(content, list) or not content:
        return None
    return content[:-1] if cut else content


def read_lists(text: str, names: Sequence[str]) -> tuple[dict[str, list[Any]], bool]:
    """The lists of these names in a reply, and whether it was cut off, when the item that it ends in is left out; a bare list
    goes by the first name."""
    content, cut = read_json(text)
    given = {names[0]: content} if isinstance(content, list) else content if isinstance(content, dict) else {}
    found = {name: given[name] for name in names if isinstance(given.get(name), list)}
    if cut and found:
        last = list(found)[-1]
        found[last] = found[last][:-1]
    return found, cut


def list_problem(text: str, name: str) -> str | None:
    return None if read_list(text, name) else f"no {name} in the reply"


def turns_in(text: str) -> list[Any]:
    """The turns of a dialogue as a reply gives them; a last one that was cut off is left out."""
    content, cut = read_json(text)
    while isinstance(content, dict) and "turns" not in content and len(content) == 1:  # {"dialogue": {"turns": [...]}}
        [content] = content.values()
    items = content.get("turns") if isinstance(content, dict) else content
    return items[: len(items) - cut] if isinstance(items, list) else []


def turns_problem(text: str) -> str | None:
    return None if turns_in(text) else "no turns in the reply"


def read_turns(text: str, speakers: Sequence[str]) -> list[dict[str, str]] | str:
    """A dialogue of known speakers, or what is wrong with it; empty turns are left out."""
    turns = [one_turn(item, speakers) for item in turns_in(text)]
    said = [turn for turn in turns if turn and turn["text"]]
    if None in turns:
        return "a turn without a known speaker and a text"
    if len(said) < FEWEST_TURNS:
        return f"fewer than {FEWEST_TURNS} turns"
    return said if len({turn["speaker"] for turn in said}) > 1 else "only one speaker"


def one_turn(item: Any, speakers: Sequence[str]) -> dict[str, str] | None:
    """A turn with the speaker as the reference names it; {"expert": "..."} is understood as well."""
    if not isinstance(item, dict) or not item:
        return None
    who, text = next(iter(item.items())) if len(item) == 1 else (item.get("speaker"), item.get("text"))
    known = {name.casefold(): name for name in speakers}.get(str(who).strip().rstrip(":").casefold())
    return {"speaker": known, "text": text.strip()} if known and isinstance(text, str) else None


def item_problem(card: Card, label: str | None, item: Any) -> str | None:
    """What is wrong with one written example, or None; with no label asked for, it has to bring one."""
    if not isinstance(item, dict):
        return "not an object"
    for field in card.fields:
        if not isinstance(item.get(field), str) or not item[field].strip():
            return f"no {field}"
    if label is None:
        return None if known_label(card, item) else "label outside the task" if "label" in item else "no label"
    if "label" in item and str(item["label"]) not in card.labels:
        return "label outside the task"
    if "label" in item and item["label"] != label:
        return "label not as asked"
    return None


def known_label(card: Card, given: Any, choices: Sequence[str] = ()) -> str | None:
    """The label (or the one of these choices) that an object, or a bare text, gives; case and surrounding space are forgiven,
    anything else is not."""
    named = given.get("label") if isinstance(given, dict) else given
    known = {plain(label): label for label in choices or card.labels}
    return known.get(plain(str(named)))


def plain(label: str) -> str:
    return label.strip().strip('".').casefold()


def read_label(card: Card, text: str, choices: Sequence[str] = ()) -> str | None:
    """The label that a reply gives."""
    content, _ = read_json(text)
    return known_label(card, content if isinstance(content, dict) else text, choices)


def label_problem(card: Card, text: str, choices: Sequence[str] = ()) -> str | None:
    if read_label(card, text, choices):
        return None
    content, _ = read_json(text)
    return "label outside the task" if isinstance(content, dict) and "label" in content else "no label in the reply"


def read_field(text: str, field: str) -> str | None:
    """The text of one field in a reply."""
    content, _ = read_json(text)
    found = content.get(field) if isinstance(content, dict) else None
    return found.strip() if isinstance(found, str) and found.strip() else None
