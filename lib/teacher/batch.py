"""The teacher by batch files: requests are written as an OpenAI Batch input file, and the answers read back."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lib.core import paths
from lib.core.pricing import TokenPrice, Usage, dollars
from lib.core.sources import numbered_lines
from lib.teacher.client import PENDING, Answer, Progress, Request, Teacher, TeacherError, accept_anything, read_completion
from lib.teacher.ledger import Reply, Store


class BatchFiles(Teacher):
    """Writes the requests that have no reply yet as an OpenAI Batch input file, and reads the answers back."""

    def __init__(self, model: str, price: TokenPrice, store: Store, folder: Path):
        super().__init__(model, price, pays=True)
        self.store, self.folder = store, folder
        self.outputs = dict(read_outputs(folder))
        self.pending: dict[str, Request] = {}

    async def fetch(self, request: Request) -> Reply | str:
        key = request.key(self.model)
        if reply := self.store.find(key):
            return reply
        if key not in self.outputs:
            self.pending[key] = request
            return PENDING
        text, problem, usage = read_completion(self.outputs[key])
        usage = usage or estimated_usage(request, text)
        reply = Reply(text, problem, usage, self.price.nanodollars(usage))
        self.store.keep(key, self.model, vars(request), reply, 0.0)
        return reply

    def close(self) -> None:
        self.store.close()

    def ask(
        self,
        requests: Sequence[Request],
        accept: Callable[[str], str | None] = accept_anything,
        title: str = "asking",
        shown: Progress | None = None,
    ) -> list[Answer]:
        answers = super().ask(requests, accept, title, shown)
        if self.pending:
            raise TeacherError(self.write_pending(title))
        self.promised()
        return answers

    def write_pending(self, title: str) -> str:
        """Writes the input file, and says what to do with it."""
        file = self.folder / f"{re.sub('[^A-Za-z0-9_]+', '-', title)}.input.jsonl"
        worst = sum(self.price.nanodollars(request.worst()) for request in self.pending.values())
        # One notebook at a time, so that two cannot both count on the same dollars.
        with self.store.transaction():
            promised = self.promised(file)
            left = None if self.store.cap is None else self.store.cap - self.store.spent() - promised
            if left is not None and worst > left:
                return (
                    f"{len(self.pending)} requests are pending and could cost ${dollars(worst):.2f}, but only "
                    f"${dollars(max(left, 0)):.2f} of the budget is left: raise BUDGET or ask for less. Nothing was written."
                )
            every = {"method": "POST", "url": "/v1/chat/completions"}
            lines = [{"custom_id": key, **every, "body": request.body(self.model)} for key, request in self.pending.items()]
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            paths.write_whole(file, lambda path: path.write_text(text, encoding="utf-8"))
        return (
            f"{len(lines)} requests wait in {paths.relative(file)} (at most ${dollars(worst):.4f}). Have them answered "
            f"(Batch API, vllm run-batch), put the answers beside it as NAME.output.jsonl and run the same command again."
        )

    def promised(self, own: Path | None = None) -> int:
        """What the folder's other input files may still cost. One that is answered in full is removed: sent again, it
        would be paid for again."""
        total = 0
        for file in set(self.folder.glob("*.input.jsonl")) - {own}:
            rows = [json.loads(line) for _, line in numbered_lines(file)]
            open_rows = [row for row in rows if row["custom_id"] not in self.outputs and not self.store.find(row["custom_id"])]
            total += sum(self.price.nanodollars(request_in(row["body"]).worst()) for row in open_rows)
            if not open_rows:
                file.unlink(missing_ok=True)
        return total


def request_in(body: dict[str, Any]) -> Request:
    """The request that a batch input line holds, as far as its cost goes."""
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    return Request(body["messages"], schema, max_tokens=body["max_tokens"])


def read_outputs(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The completions in a folder's batch output files, by custom_id; an answer that is an error is asked again."""
    for file in sorted(folder.glob("*.output.jsonl")):
        for number, line in numbered_lines(file):
            try:
                row = json.loads(line)
                if not row.get("error") and (row.get("response") or {}).get("status_code", 200) == 200:
                    yield row["custom_id"], row["response"]["body"]
            except (ValueError, KeyError, TypeError, AttributeError):
                raise ValueError(f"{paths.relative(file)}, line {number}: not a line of a batch output file.") from None


def estimated_usage(request: Request, text: str) -> Usage:
    """Where a batch answer comes without usage: four bytes a token, the common rule of thumb for English."""
    asked = "".join(message["content"] for message in request.messages)
    return Usage(-(-len(asked.encode()) // 4), -(-len(text.encode()) // 4))
