"""The teacher that replays recorded replies."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lib.core import paths
from lib.core.pricing import TokenPrice, Usage
from lib.core.sources import numbered_lines
from lib.teacher.client import Answer, Request, Teacher, TeacherError
from lib.teacher.ledger import Reply

_PIECE = 40
"""Characters of a reply that stand in its request, from which on it repeats it; names of labels are shorter."""


class Recorded(Teacher):
    """Replays what a language model once answered, looked up by the exact request; no key, no network."""

    money_note = " at list price"

    def __init__(self, folder: Path, price: TokenPrice):
        super().__init__("recorded", price, pays=False)
        self.folder = folder
        self.replies = dict(_read_recordings(folder, price))

    async def fetch(self, request: Request) -> Reply | str:
        reply = self.replies.get(request.key("recorded"))
        if reply or request.again:
            return reply or "malformed, and no second reply was recorded"
        last = " ".join(request.messages[-1]["content"].split())
        raise TeacherError(
            f"No recording in {paths.relative(self.folder)} for sample {request.sample} of the request "
            f"'{last[:70]} ... {last[-70:]}' (temperature {request.temperature}, top_p {request.top_p}, "
            f"max_tokens {request.max_tokens}). Ask a real model instead (TEACHER=gpt-4o-mini BUDGET=1), or record one "
            "as data/recordings/README.md says."
        )


def _read_recordings(folder: Path, price: TokenPrice) -> Iterator[tuple[str, Reply]]:
    """The key of every recorded request with its reply, priced as asked."""
    for file in sorted(folder.rglob("*.jsonl")) if folder.is_dir() else []:
        for number, line in numbered_lines(file):
            try:
                row = json.loads(line)
                usage = Usage(row["tokens_in"], row["tokens_out"])
                yield _key_of(row), Reply(row["text"], row["problem"], usage, price.nanodollars(usage))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{paths.relative(file)}, line {number}: not a recording ({error}).") from None


def _key_of(row: dict[str, Any]) -> str:
    """What a recorded reply is looked up by; a line without its request holds it."""
    key: str = row["key"] if "key" in row else Request(**row["request"]).key("recorded")
    return key


def _recording_line(request: Request, reply: Reply) -> str:
    # A reply is found malformed again each time it is read; only what the endpoint itself said of it is kept.
    problem = None if reply.problem == "malformed" else reply.problem
    tokens = {"tokens_in": reply.usage.input, "tokens_out": reply.usage.output}
    return json.dumps({"request": request.as_row(), "text": reply.text, "problem": problem, **tokens}, ensure_ascii=False)


def write_recordings(path: str | Path, answers: Iterable[Answer]) -> None:
    """Every request with its reply, one a line: to be read, and to be replayed."""
    lines = [_recording_line(request, reply) for answer in answers for request, reply in answer.replies]
    paths.write_whole(path, lambda file: file.write_text("".join(line + "\n" for line in lines), encoding="utf-8"))


def write_without_requests(replies: str | Path, recording: str | Path) -> int:
    """A recording that holds the key of each request in its place; the number of replies. Refused where a reply repeats a piece
    of its request."""
    rows = [json.loads(line) for _, line in numbered_lines(Path(replies))]
    if wrong := [number for number, row in enumerate(rows, start=1) if "request" in row and _repeats(row)]:
        raise ValueError(
            f"{paths.relative(replies)}, line {wrong[0]}: the reply repeats a piece of its request, and would give its text "
            "away; only replies that hold labels can be recorded without their requests."
        )
    lines = [json.dumps({"key": _key_of(row), **_without_request(row)}, ensure_ascii=False) for row in rows]
    paths.write_whole(recording, lambda file: file.write_text("".join(line + "\n" for line in lines), encoding="utf-8"))
    return len(lines)


def _repeats(row: dict[str, Any]) -> bool:
    """Whether a reply holds a longer piece of what it was asked."""
    asked = row["request"]["messages"][-1]["content"]
    return any(row["text"][start : start + _PIECE] in asked for start in range(len(row["text"]) - _PIECE + 1))


def _without_request(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "request"}
