"""The teacher that replays recorded replies."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from lib.core import paths
from lib.core.pricing import TokenPrice, Usage
from lib.core.sources import numbered_lines
from lib.teacher.client import Answer, Request, Teacher, TeacherError
from lib.teacher.ledger import Reply


class Recorded(Teacher):
    """Replays what a language model once answered, looked up by the exact request; no key, no network."""

    money_note = " at list price"

    def __init__(self, folder: Path, price: TokenPrice):
        super().__init__("recorded", price, pays=False)
        self.folder = folder
        self.replies = {request.key("recorded"): reply for request, reply in _read_recordings(folder, price)}

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


def _read_recordings(folder: Path, price: TokenPrice) -> Iterator[tuple[Request, Reply]]:
    """Every recorded request with its reply, priced as asked."""
    for file in sorted(folder.rglob("*.jsonl")) if folder.is_dir() else []:
        for number, line in numbered_lines(file):
            try:
                row = json.loads(line)
                usage = Usage(row["tokens_in"], row["tokens_out"])
                yield Request(**row["request"]), Reply(row["text"], row["problem"], usage, price.nanodollars(usage))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{paths.relative(file)}, line {number}: not a recording ({error}).") from None


def _recording_line(request: Request, reply: Reply) -> str:
    # A reply is found malformed again each time it is read; only what the endpoint itself said of it is kept.
    problem = None if reply.problem == "malformed" else reply.problem
    tokens = {"tokens_in": reply.usage.input, "tokens_out": reply.usage.output}
    return json.dumps({"request": request.as_row(), "text": reply.text, "problem": problem, **tokens}, ensure_ascii=False)


def write_recordings(path: str | Path, answers: Iterable[Answer]) -> None:
    """Every request with its reply, one a line: to be read, and to be replayed."""
    lines = [_recording_line(request, reply) for answer in answers for request, reply in answer.replies]
    paths.write_whole(path, lambda file: file.write_text("".join(line + "\n" for line in lines), encoding="utf-8"))
