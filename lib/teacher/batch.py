"""The teacher by batch files: requests are written as an OpenAI Batch input file, and the answers read back."""

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lib.core import paths
from lib.core.pricing import TokenPrice, Usage, dollars
from lib.core.sources import numbered_lines
from lib.teacher.client import PENDING, Request, Teacher, TeacherError
from lib.teacher.ledger import Reply, Store
from lib.teacher.parsing import read_completion


class BatchFiles(Teacher):
    """Writes the requests that have no reply yet as an OpenAI Batch input file, and reads the answers back."""

    def __init__(self, model: str, price: TokenPrice, *, store: Store, folder: Path):
        super().__init__(model, price, pays=True)
        self.store, self.folder = store, folder
        self.outputs = dict(_read_outputs(folder))
        self.pending: dict[str, Request] = {}
        self.other_models: set[str] = set()

    async def fetch(self, request: Request) -> Reply | str:
        key = request.key(self.model)
        if reply := self.store.find(key):
            return reply
        if key not in self.outputs:
            self.pending[key] = request
            return PENDING
        self._note_model(self.outputs[key])
        text, problem, usage = read_completion(self.outputs[key])
        usage = usage or _estimated_usage(request, text)
        reply = Reply(text, problem, usage, self.price.nanodollars(usage))
        self.store.keep(key, reply, model=self.model, request=request.as_row(), seconds=0.0)
        return reply

    def _note_model(self, body: Any) -> None:
        """A provider may add a date to the name of a model; another name is another model, if somebody edited the input."""
        name = body.get("model") if isinstance(body, dict) else None
        if isinstance(name, str) and name and self.model not in name:
            self.other_models.add(name)

    def close(self) -> None:
        self.store.close()

    def finish(self, title: str) -> None:
        if self.other_models:
            names = ", ".join(sorted(map(repr, self.other_models)))
            tqdm.write(f"The batch answers for {self.model!r} say that they are by {names[:200]}.")
            self.other_models.clear()
        if self.pending:
            raise TeacherError(self._write_pending(title))
        self._promised()

    def _write_pending(self, title: str) -> str:
        """Writes the input file, and says what to do with it. What another notebook's file holds is not written twice."""
        file = self.folder / f"{re.sub('[^A-Za-z0-9_]+', '-', title)}.input.jsonl"
        # One notebook at a time, so that two cannot both count on the same dollars.
        with self.store.transaction():
            waiting = self._in_other_files(file)
            new = {key: request for key, request in self.pending.items() if key not in waiting}
            if too_much := self._over_budget(new.values(), file):
                return too_much
            if new:
                text = "".join(self._input_line(key, request) for key, request in new.items())
                paths.write_whole(file, lambda path: path.write_text(text, encoding="utf-8"))
            else:
                file.unlink(missing_ok=True)
        files = ([file] if new else []) + sorted({waiting[key] for key in self.pending if key in waiting})
        worst = dollars(self._worst(self.pending.values()))
        return (
            f"{len(self.pending)} requests wait in {' and '.join(map(paths.relative, files))} (at most ${worst:.4f}). Have them "
            "answered (Batch API, vllm run-batch), put the answers beside it as NAME.output.jsonl and run the same command again."
        )

    def _over_budget(self, requests: Collection[Request], file: Path) -> str | None:
        """Says so, if these requests could cost more than is left beside what the other files may still cost."""
        worst, promised = self._worst(requests), self._promised(file)
        if not requests or self.store.cap is None or worst <= (left := self.store.cap - self.store.spent() - promised):
            return None
        return (
            f"{len(requests)} requests are pending and could cost ${dollars(worst):.2f}, but only "
            f"${dollars(int(max(left, 0))):.2f} of the budget is left: raise BUDGET or ask for less. Nothing was written."
        )

    def _in_other_files(self, own: Path) -> dict[str, Path]:
        """The requests that stand in the folder's other input files, each with its file."""
        return {key: file for file in self._input_files(own) for key, _ in _read_input(file)}

    def _input_files(self, without: Path | None) -> set[Path]:
        return {file for file in self.folder.glob("*.input.jsonl") if file != without}

    def _input_line(self, key: str, request: Request) -> str:
        call = {"custom_id": key, "method": "POST", "url": f"/v1{request.path}", "body": request.body(self.model)}
        return json.dumps(call, ensure_ascii=False) + "\n"

    def _promised(self, written_anew: Path | None = None) -> int:
        """What the folder's other input files may still cost. One that is answered in full is removed: sent again, it
        would be paid for again."""
        total = 0
        for file in self._input_files(written_anew):
            asked = dict(_read_input(file))
            open_keys = [key for key in asked if key not in self.outputs and not self.store.find(key)]
            total += self._worst(asked[key] for key in open_keys)
            if not open_keys:
                file.unlink(missing_ok=True)
        return total

    def _worst(self, requests: Iterable[Request]) -> int:
        return sum(self.price.nanodollars(request.worst()) for request in requests)


def _read_input(file: Path) -> Iterator[tuple[str, Request]]:
    """The requests in a batch input file as far as their cost goes, by custom_id. It may have been edited since."""
    for number, line in numbered_lines(file):
        try:
            row = json.loads(line)
            body = row["body"]
            limit = body.get("max_tokens") or body["max_completion_tokens"]
            schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
            yield row["custom_id"], Request(body["messages"], schema, max_tokens=int(limit))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(
                f"{paths.relative(file)}, line {number}: not a line of a batch input file; delete the file if it was never sent."
            ) from None


def _read_outputs(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The completions in a folder's batch output files, by custom_id; an answer that is an error is asked again."""
    for file in sorted(folder.glob("*.output.jsonl")):
        for number, line in numbered_lines(file):
            try:
                row = json.loads(line)
                if not row.get("error") and (row.get("response") or {}).get("status_code", 200) == 200:
                    yield str(row["custom_id"]), row["response"]["body"]
            except (ValueError, KeyError, TypeError, AttributeError):
                raise ValueError(f"{paths.relative(file)}, line {number}: not a line of a batch output file.") from None


def _estimated_usage(request: Request, text: str) -> Usage:
    """Where a batch answer comes without usage: four bytes a token, the common rule of thumb for English."""
    prompt = "".join(message["content"] for message in request.messages)
    return Usage(math.ceil(len(prompt.encode()) / 4), math.ceil(len(text.encode()) / 4))
