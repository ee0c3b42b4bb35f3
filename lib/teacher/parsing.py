"""What a reply says. A reply is read tolerantly and item by item: one bad item never costs the others."""

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import json_repair

from lib.core.pricing import Usage
from lib.core.tasks import Card

CUT = "cut at max_tokens"
"""The problem of a reply that ended at its limit; what was whole before counts."""
CUT_THINKING = "cut while it was thinking"
"""The problem of a reply that ended before the model came to its answer."""
_THINKING = re.compile(r"\s*<(?:think|thinking|reasoning)>", re.IGNORECASE)
_THOUGHT = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_FENCE = re.compile(r"^\s*```[a-zA-Z]*\s*|\s*```\s*$")
FEWEST_TURNS = 4
"""A dialogue with fewer says too little to learn from."""
_MOST_TOKENS = 10**9
"""No call has so many tokens; a usage that says so, or less than none, is no usage."""
_DEEPEST = 50
"""Brackets within brackets; no reply that is asked for has so many."""
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*("?)|[{}\[\]:,]', re.DOTALL)
"""A string, to its end or to that of the text; or punctuation."""
_AFTER_LINE = " \t\r\n,"
"""What may follow a JSON line: models that saw many JSON files go on after an object with a comma."""
_BEFORE_VALUE = ":[,"
_OPENS = {"}": "{", "]": "["}
_CLOSES = {"{": "}", "[": "]"}


def read_completion(body: Any) -> tuple[str, str | None, Usage | None]:
    """Text, problem and usage of a completion; whatever an endpoint leaves out is a problem, not a crash. What the model thought
    before its answer is no part of the text."""
    if not isinstance(body, dict):
        return "", "not a completion", None
    choices = body.get("choices")
    usage = _of_all_choices(body, _read_usage(body.get("usage")))
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return "", "empty choices", usage
    message = choices[0].get("message") or {"content": _lines_of(choices)}
    message = message if isinstance(message, dict) else {}
    text, ended = _after_thinking(_content_of(message)) if "message" in choices[0] else (_content_of(message), True)
    finish = choices[0].get("finish_reason")
    if message.get("refusal"):
        return text, "refusal", usage
    if finish == "content_filter":
        return text, "content filter", usage
    cut = finish in ("length", "max_tokens")
    if not ended or (cut and not text.strip() and _thinks(message, body.get("usage"))):
        return "", CUT_THINKING, usage
    if cut:
        return text, CUT, usage
    return text, None if text.strip() else "empty reply", usage


def _content_of(message: dict[str, Any]) -> str:
    """The text of a message; of a list of parts, those that are text and no thoughts."""
    content = message.get("content")
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        content = "".join(text for text in texts if isinstance(text, str))
    # Half of a character (a lone surrogate) can come in escaped, and no file or store can hold it.
    return content.encode("utf-8", "replace").decode() if isinstance(content, str) else ""


def _after_thinking(text: str) -> tuple[str, bool]:
    """What follows the reasoning in a reply, and whether the reasoning came to its end. Some servers put the first tag into the
    prompt, so that a reply has only the last; one that begins as JSON has no reasoning, whatever stands in its texts."""
    begins = _THINKING.match(text)
    if not begins and text.lstrip()[:1] in ("{", "[", "`"):
        return text, True
    if ends := _THOUGHT.search(text):
        return text[ends.end() :], True
    return ("", False) if begins else (text, True)


def _thinks(message: dict[str, Any], usage: Any) -> bool:
    """Whether a model thought before it answered, as its reply or its bill shows."""
    fields = [message.get("reasoning_content"), message.get("reasoning"), message.get("content")]
    details = usage.get("completion_tokens_details") if isinstance(usage, dict) else None
    return any(str(field or "").strip() for field in fields) or bool(
        isinstance(details, dict) and details.get("reasoning_tokens")
    )


def _lines_of(choices: list[Any]) -> str:
    """The continuations of a completion, one a line."""
    texts = [choice.get("text") for choice in choices if isinstance(choice, dict)]
    return "\n".join(text.strip() for text in texts if isinstance(text, str) and text.strip())


def _read_usage(usage: Any) -> Usage | None:
    """The tokens of a call. Reasoning is output; where an endpoint leaves it out (xAI, Gemini), its total does not."""
    try:
        details = usage.get("prompt_tokens_details") or {}
        spent, written = int(usage["prompt_tokens"]), int(usage["completion_tokens"])
        total = int(usage.get("total_tokens") or 0)
        read = Usage(spent, max(written, total - spent), int(details.get("cached_tokens") or 0))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return None
    possible = 0 <= read.cached <= read.input < _MOST_TOKENS and 0 <= written <= read.output < _MOST_TOKENS
    return read if possible else None


def _of_all_choices(body: dict[str, Any], usage: Usage | None) -> Usage | None:
    """The usage with the tokens of every continuation. llama.cpp, which alone sends `timings`, counts those of the first; the
    others are taken to have as many tokens for their length."""
    choices = body.get("choices")
    if usage is None or not isinstance(choices, list) or len(choices) < 2 or "timings" not in body:
        return usage
    texts = [choice.get("text") for choice in choices if isinstance(choice, dict)]
    lengths = [len(text.encode("utf-8", "replace")) if isinstance(text, str) else 0 for text in texts]
    if not lengths or not lengths[0]:
        return usage
    return usage._replace(output=min(math.ceil(usage.output * sum(lengths) / lengths[0]), _MOST_TOKENS))


def _read_json(text: str) -> tuple[Any, bool]:
    """The JSON in a reply, repaired where it is broken, and whether it was cut off at the end; then only what was whole."""
    bare = _FENCE.sub("", text).strip()
    start = min((i for i in (bare.find("{"), bare.find("[")) if i >= 0), default=-1)
    if start < 0:
        return None, False
    try:
        return _whole_characters(_first_json(bare, start)), False
    except (ValueError, RecursionError):
        whole = _Whole(bare[start:])
    try:
        return _whole_characters(json_repair.loads(whole.text)) if whole.text else None, whole.cut
    except (ValueError, RecursionError):
        return None, whole.cut


def _first_json(text: str, start: int) -> Any:
    """The JSON that starts there, if it is well-formed; prose may come after it, but no more JSON."""
    content, end = json.JSONDecoder().raw_decode(text, start)
    if any(bracket in text[end:] for bracket in "{["):
        raise ValueError("more than one piece of JSON")
    return content


def _whole_characters(content: Any) -> Any:
    """JSON can escape half of a character (a lone surrogate), which no file, prompt or store can hold."""
    return json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))


class _Whole:
    """What is whole of a JSON text, with its brackets closed: all of it, or, where it was cut off, the items of its outer list
    (or the members of its one object) that came to their end. The rest is never repaired: it would be taken for an item."""

    def __init__(self, text: str):
        self.stack: list[str] = []
        self.in_place: list[bool] = []
        """Whether each open bracket stands where a value can begin, and not in a text whose quotes are missing."""
        self.pieces = 0
        """Pieces of JSON that were closed."""
        self.before, self.place = "", 0
        """The mark before, and where it ended."""
        self.end, self.closing = 0, ""
        """Where the last whole item ended, and the brackets that are open there."""
        for token in _TOKEN.finditer(text):
            begins = not text[self.place : token.start()].strip()
            self._read(token, begins and self.before in _BEFORE_VALUE)
            self.before, self.place = token[0][0], token.end()
            if len(self.stack) > _DEEPEST:
                break
        self.cut = bool(self.stack)
        self.text = text[: self.end] + self.closing if self.cut else text

    def _read(self, token: re.Match[str], in_place: bool) -> None:
        mark = token[0][0]
        if mark == '"' and token[1] and in_place:
            self._item_ends(token.end(), value=self.before == ":")
        elif mark in _CLOSES:
            self.stack.append(mark)
            self.in_place.append(in_place)
        elif mark in _OPENS and _OPENS[mark] in self.stack:
            while self.stack.pop() != _OPENS[mark]:
                self.in_place.pop()
            if self.in_place.pop() or not self.stack:
                self.pieces += not self.stack
                self._item_ends(token.end(), value=True)

    def _item_ends(self, place: int, *, value: bool) -> None:
        """Whether what ends there is an item of the outer list, a value of the one object, or a whole piece."""
        lists = self.stack.count("[")
        in_list = lists == 1 and self.stack[-1] == "["
        in_object = lists == 0 and value and not self.pieces
        if in_list or in_object or not self.stack:
            self.end, self.closing = place, "".join(_CLOSES[mark] for mark in reversed(self.stack))


def is_cut(text: str) -> bool:
    """Whether a reply ends before its JSON does."""
    return _read_json(text)[1]


def read_list(text: str, name: str) -> list[Any] | None:
    """The list under `name` in a reply, or the reply if it is itself a list; None if there is neither."""
    content, _ = _read_json(text)
    if isinstance(content, dict):
        content = content.get(name, [content] if name not in content and content else None)
    return content if isinstance(content, list) and content else None


def read_line(beginning: str, text: str) -> Any:
    """The object of a JSON line, of which the model was given the beginning; None if it does not end, or is none."""
    line = (beginning + text).rstrip(_AFTER_LINE)
    try:
        content = json.loads(line) if line.endswith("}") else None
    except (ValueError, RecursionError):
        content = _read_json(line)[0]
    return _whole_characters(content) if isinstance(content, dict) else None


def line_problem(text: str) -> str | None:
    """What is wrong with a reply none of whose lines came to its end."""
    return None if any(line.rstrip(_AFTER_LINE).endswith("}") for line in text.splitlines()) else "a line without an end"


def read_lists(text: str, names: Sequence[str]) -> tuple[dict[str, list[Any]], bool]:
    """The lists of these names in a reply, and whether it was cut off; a bare list goes by the first name."""
    content, cut = _read_json(text)
    if isinstance(content, list):
        content = {names[0]: content}
    if not isinstance(content, dict):
        return {}, cut
    return {name: content[name] for name in names if isinstance(content.get(name), list)}, cut


def list_problem(text: str, name: str) -> str | None:
    return None if read_list(text, name) else f"no {name} in the reply"


def _turns_in(text: str) -> list[Any]:
    """The turns of a dialogue as a reply gives them; a last one that was cut off is left out."""
    content, _ = _read_json(text)
    while isinstance(content, dict) and "turns" not in content and len(content) == 1:  # {"dialogue": {"turns": [...]}}
        [content] = content.values()
    items = content.get("turns") if isinstance(content, dict) else content
    return items if isinstance(items, list) else []


def turns_problem(text: str) -> str | None:
    return None if _turns_in(text) else "no turns in the reply"


def read_turns(text: str, speakers: Sequence[str]) -> list[dict[str, str]] | str:
    """A dialogue of known speakers, or what is wrong with it; empty turns are left out."""
    turns = [_one_turn(item, speakers) for item in _turns_in(text)]
    spoken = [turn for turn in turns if turn and turn["text"]]
    if None in turns:
        return "a turn without a known speaker and a text"
    if len(spoken) < FEWEST_TURNS:
        return f"fewer than {FEWEST_TURNS} turns"
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
    return label.strip().strip('".}').strip('" ').casefold()


def read_label(card: Card, text: str, choices: Sequence[str] = ()) -> str | None:
    """The label that a reply gives."""
    content, _ = _read_json(text)
    return known_label(card, content if isinstance(content, dict) else text, choices)


def label_problem(card: Card, text: str, choices: Sequence[str] = ()) -> str | None:
    if read_label(card, text, choices):
        return None
    content, _ = _read_json(text)
    return "label outside the task" if isinstance(content, dict) and "label" in content else "no label in the reply"


def read_probability(content: Any) -> float | None:
    """The probability that a teacher gives an item, if it is one."""
    given = content.get("probability") if isinstance(content, dict) else None
    try:
        value = float(given) if isinstance(given, str | int | float) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    return value if 0 <= value <= 1 else None


def read_possible(card: Card, text: str, choices: Sequence[str] = ()) -> list[str]:
    """The labels that a reply calls possible, each once."""
    content, _ = _read_json(text)
    named = content.get("possible") if isinstance(content, dict) else None
    labels = [known_label(card, item, choices) for item in named] if isinstance(named, list) else []
    return list(dict.fromkeys(filter(None, labels)))


def read_field(text: str, field: str) -> str | None:
    """The text of one field in a reply."""
    content, _ = _read_json(text)
    value = content.get(field) if isinstance(content, dict) else None
    return value.strip() or None if isinstance(value, str) else None
