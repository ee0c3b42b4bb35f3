"""What a reply says. A reply is read tolerantly and item by item: one bad item never costs the others."""

import json
import re
from collections.abc import Sequence
from typing import Any

import json_repair

from lib.core.pricing import Usage
from lib.core.tasks import Card

_FENCE = re.compile(r"^\s*```[a-zA-Z]*\s*|\s*```\s*$")
_FEWEST_TURNS = 4
"""A dialogue with fewer says too little to learn from."""
_MOST_TOKENS = 10**9
"""No call has so many tokens; a usage that says so, or less than none, is no usage."""
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def read_completion(body: Any) -> tuple[str, str | None, Usage | None]:
    """Text, problem and usage of a chat completion; whatever an endpoint leaves out is a problem, not a crash."""
    if not isinstance(body, dict):
        return "", "not a completion", None
    usage = _read_usage(body.get("usage"))
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return "", "empty choices", usage
    message = choices[0].get("message")
    message = message if isinstance(message, dict) else {}
    content = message.get("content")
    # Half of a character (a lone surrogate) can come in escaped, and no file or store can hold it.
    text = content.encode("utf-8", "replace").decode() if isinstance(content, str) else ""
    if message.get("refusal"):
        return text, "refusal", usage
    if choices[0].get("finish_reason") == "content_filter":
        return text, "content filter", usage
    return text, None if text.strip() else "empty reply", usage


def _read_usage(usage: Any) -> Usage | None:
    try:
        details = usage.get("prompt_tokens_details") or {}
        read = Usage(int(usage["prompt_tokens"]), int(usage["completion_tokens"]), int(details.get("cached_tokens") or 0))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return None
    possible = 0 <= read.cached <= read.input < _MOST_TOKENS and 0 <= read.output < _MOST_TOKENS
    return read if possible else None


def _read_json(text: str) -> tuple[Any, bool]:
    """The JSON in a reply, repaired where it is broken, and whether it was cut off at the end."""
    bare = _FENCE.sub("", text).strip()
    start = min((i for i in (bare.find("{"), bare.find("[")) if i >= 0), default=-1)
    try:
        try:
            return _whole_characters(_first_json(bare, max(start, 0))), False
        except ValueError:
            return (None, False) if start < 0 else (_whole_characters(json_repair.loads(bare[start:])), _is_cut(bare[start:]))
    except (ValueError, RecursionError):  # A thousand brackets in a row, say.
        return None, False


def _first_json(text: str, start: int) -> Any:
    """The JSON that starts there, if it is well-formed; prose may come after it, but no more JSON."""
    content, end = json.JSONDecoder().raw_decode(text, start)
    if any(bracket in text[end:] for bracket in "{["):
        raise ValueError("more than one piece of JSON")
    return content


def _whole_characters(content: Any) -> Any:
    """JSON can escape half of a character (a lone surrogate), which no file, prompt or store can hold."""
    return json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))


def _is_cut(text: str) -> bool:
    """Whether the end is missing, as opposed to prose after it: brackets are left open, outside of strings."""
    bare = _STRING.sub("", text)
    return not text.rstrip().endswith(("}", "]")) and sum(map(bare.count, "{[")) > sum(map(bare.count, "}]"))


def read_list(text: str, name: str) -> list[Any] | None:
    """The list under `name` in a reply, or the reply if it is itself a list; None if there is neither."""
    content, cut = _read_json(text)
    if isinstance(content, dict):
        content = content.get(name, [content] if name not in content and content else None)
    if not isinstance(content, list) or not content:
        return None
    return content[:-1] if cut else content


def read_lists(text: str, names: Sequence[str]) -> tuple[dict[str, list[Any]], bool]:
    """The lists of these names in a reply, and whether it was cut off, when the item that it ends in is left out; a bare list
    goes by the first name."""
    content, cut = _read_json(text)
    if isinstance(content, list):
        content = {names[0]: content}
    if not isinstance(content, dict):
        return {}, cut
    lists = {name: content[name] for name in names if isinstance(content.get(name), list)}
    if cut and lists:
        last = list(lists)[-1]
        lists[last] = lists[last][:-1]
    return lists, cut


def list_problem(text: str, name: str) -> str | None:
    return None if read_list(text, name) else f"no {name} in the reply"


def _turns_in(text: str) -> list[Any]:
    """The turns of a dialogue as a reply gives them; a last one that was cut off is left out."""
    content, cut = _read_json(text)
    while isinstance(content, dict) and "turns" not in content and len(content) == 1:  # {"dialogue": {"turns": [...]}}
        [content] = content.values()
    items = content.get("turns") if isinstance(content, dict) else content
    return items[: len(items) - cut] if isinstance(items, list) else []


def turns_problem(text: str) -> str | None:
    return None if _turns_in(text) else "no turns in the reply"


def read_turns(text: str, speakers: Sequence[str]) -> list[dict[str, str]] | str:
    """A dialogue of known speakers, or what is wrong with it; empty turns are left out."""
    turns = [_one_turn(item, speakers) for item in _turns_in(text)]
    spoken = [turn for turn in turns if turn and turn["text"]]
    if None in turns:
        return "a turn without a known speaker and a text"
    if len(spoken) < _FEWEST_TURNS:
        return f"fewer than {_FEWEST_TURNS} turns"
    return spoken if len({turn["speaker"] for turn in spoken}) > 1 else "only one speaker"


def _one_turn(item: Any, speakers: Sequence[str]) -> dict[str, str] | None:
    """A turn with the speaker as the reference names it; {"expert": "..."} is understood as well."""
    if not isinstance(item, dict) or not item:
        return None
    name, text = next(iter(item.items())) if len(item) == 1 else (item.get("speaker"), item.get("text"))
    speaker = {speaker.casefold(): speaker for speaker in speakers}.get(str(name).strip().rstrip(":").casefold())
    return {"speaker": speaker, "text": text.strip()} if speaker and isinstance(text, str) else None


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


def known_label(card: Card, content: Any, choices: Sequence[str] = ()) -> str | None:
    """The label of the task, or the choice, that an object or a bare text gives; case and surrounding space do not matter."""
    label = content.get("label") if isinstance(content, dict) else content
    return {_plain(name): name for name in choices or card.labels}.get(_plain(str(label)))


def _plain(label: str) -> str:
    return label.strip().strip('".').casefold()


def read_label(card: Card, text: str, choices: Sequence[str] = ()) -> str | None:
    """The label that a reply gives."""
    content, _ = _read_json(text)
    return known_label(card, content if isinstance(content, dict) else text, choices)


def label_problem(card: Card, text: str, choices: Sequence[str] = ()) -> str | None:
    if read_label(card, text, choices):
        return None
    content, _ = _read_json(text)
    return "label outside the task" if isinstance(content, dict) and "label" in content else "no label in the reply"


def read_field(text: str, field: str) -> str | None:
    """The text of one field in a reply."""
    content, _ = _read_json(text)
    value = content.get(field) if isinstance(content, dict) else None
    return value.strip() or None if isinstance(value, str) else None
