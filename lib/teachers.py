"""The three ways to reach a teacher: recorded replies, batch files, and an endpoint (lib/endpoint.py), opened by name."""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lib import paths
from lib.prices import TokenPrice, Usage, dollars, nano, token_price
from lib.store import Reply, Store
from lib.teacher import PENDING, Answer, Progress, Request, Teacher, TeacherError, accept_anything, read_completion


def open_teacher(
    name: str,
    *,
    study: str = "none",
    budget: float | None = None,
    base_url: str | None = None,
    token_prices: dict[str, dict[str, float]] | None = None,
    priced_as: str = "gpt-4o-mini",
    store: str | Path = "runs/teacher.sqlite",
    recordings: str | Path = paths.RECORDINGS,
    batches: str | Path = "runs/batches",
) -> Teacher:
    """The teacher of that name. Whatever can cost money needs a price and a budget before it is asked anything."""
    if name == "recorded":
        return Recorded(paths.resolve(recordings), token_price(priced_as, token_prices))
    batch = name.startswith("batch:")
    model = name.removeprefix("batch:")
    base_url = base_url or os.environ.get("OPENAI_BASE_URL") or None
    price = teacher_price(name, token_prices, base_url)
    if budget is None and (price.input or price.output):
        raise ValueError(f"Teacher {name!r} costs money: say how many dollars the study may spend at most (BUDGET=5).")
    if budget is not None and not 0 <= budget < float("inf"):
        raise ValueError(f"A budget is a number of dollars from 0 up, not {budget!r}.")
    shared = Store(store, study, None if budget is None else nano(budget))
    if batch:
        return BatchFiles(model, price, shared, paths.resolve(batches))

    from lib.endpoint import Endpoint  # openai and aiohttp: only who calls an endpoint waits for their import.

    return Endpoint(model, price, shared, base_url)


def teacher_price(name: str, token_prices: dict[str, dict[str, float]] | None, base_url: str | None) -> TokenPrice:
    """What a teacher's tokens cost; batch files at half the list price, as the Batch API bills them."""
    model = name.removeprefix("batch:")
    price = token_price(model, token_prices, base_url)
    listed = model not in (token_prices or {})
    return price.model_copy(update={"discount": price.discount / 2}) if model != name and listed else price


class Recorded(Teacher):
    """Replays what a language model once answered, looked up by the exact request; no key, no network."""

    def __init__(self, folder: Path, price: TokenPrice):
        super().__init__("recorded", price, pays=False)
        self.folder = folder
        self.replies = {request.key("recorded"): reply for request, reply in read_recordings(folder, price)}

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


def read_recordings(folder: Path, price: TokenPrice) -> Iterator[tuple[Request, Reply]]:
    """Every recorded request with its reply, priced as asked."""
    for file in sorted(folder.rglob("*.jsonl")) if folder.is_dir() else []:
        for number, line in numbered_lines(file):
            try:
                row = json.loads(line)
                usage = Usage(row["tokens_in"], row["tokens_out"])
                yield Request(**row["request"]), Reply(row["text"], row["problem"], usage, price.nanodollars(usage))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{paths.relative(file)}, line {number}: not a recording ({error}).") from None


def recording_line(request: Request, reply: Reply) -> str:
    # A reply is found malformed again each time it is read; only what the endpoint itself said of it is kept.
    problem = None if reply.problem == "malformed" else reply.problem
    tokens = {"tokens_in": reply.usage.input, "tokens_out": reply.usage.output}
    return json.dumps({"request": vars(request), "text": reply.text, "problem": problem, **tokens}, ensure_ascii=False)


def write_recordings(path: str | Path, answers: Iterable[Answer]) -> None:
    """Every request with its reply, one a line: to be read, and to be replayed."""
    lines = [recording_line(request, reply) for answer in answers for request, reply in answer.replies]
    paths.write_whole(path, lambda file: file.write_text("".join(line + "\n" for line in lines), encoding="utf-8"))


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


def numbered_lines(file: Path) -> Iterator[tuple[int, str]]:
    """The lines of a JSONL file; not by splitlines(), because a JSON string may hold U+2028 and its like."""
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{paths.relative(file)}: not UTF-8 text (byte {error.start}).") from None
    return ((number, line) for number, line in enumerate(lines, start=1) if line.strip())


def estimated_usage(request: Request, text: str) -> Usage:
    """Where a batch answer comes without usage: four bytes a token, the common rule of thumb for English."""
    asked = "".join(message["content"] for message in request.messages)
    return Usage(-(-len(asked.encode()) // 4), -(-len(text.encode()) // 4))
