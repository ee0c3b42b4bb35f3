"""What the tests of the teacher share: requests, a teacher at the test's endpoint, the sums in its store; and a client
process: `python tests/asking.py URL STORE --n 100 --budget 1` asks and prints what came of it as one line of JSON.
"""

import argparse
import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from lib.core.tasks import Card
from lib.teacher import endpoint
from lib.teacher.backends import open_teacher
from lib.teacher.client import Answer, Request
from lib.teacher.endpoint import Endpoint

PRICES = {"m": {"input": 1.0, "output": 2.0}}
COST = 50 * 1000 + 20 * 2000
"""Nanodollars of one reply with the test endpoint's usual usage, at PRICES."""

CARD = Card(
    name="tone",
    kind="text",
    description="say whether a remark is kind.",
    fields={"text": "a remark"},
    labels={"kind": "means well", "rude": ""},
    family="tone",
    topic_prompt="things people remark on",
    human_price={"dollars": 0.1, "source": "a test", "assumed": True},  # type: ignore[arg-type]
    sources={"own": {"files": {"train": "none.jsonl"}}},  # type: ignore[dict-item]
)

FILMS = CARD.model_copy(
    update={
        "name": "films",
        "kind": "spans",
        "description": "find what a query to a film database mentions.",
        "fields": {"text": "a query"},
        "labels": {"Genre": "a genre", "Year": "a year or decade", "MPAA Rating": "an age rating"},
        "metric": "micro_f1",
        "topic_prompt": "things that people ask a film database",
    }
)
"""A task of spans."""
QUERY: dict[str, Any] = {
    "id": "q0",
    "text": "horror films of the 80s",
    "spans": [{"start": 0, "end": 6, "label": "Genre"}, {"start": 20, "end": 23, "label": "Year"}],
}


def teacher_at(url: str, folder: Path, budget: float | None = 5.0, **options: Any) -> Endpoint:
    """A teacher at the test's endpoint, with a store of its own in `folder`."""
    given = {"study": "s", "budget": budget, "base_url": url, "token_prices": PRICES, "store": folder / "t.sqlite"} | options
    teacher = open_teacher("m", **given)
    assert isinstance(teacher, Endpoint)
    return teacher


def requests(n: int, **options: Any) -> list[Request]:
    return [Request([{"role": "user", "content": f"prompt {i}"}], **{"max_tokens": 100} | options) for i in range(n)]


def prompt(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def problems(answers: list[Answer]) -> list[str | None]:
    return [answer.problem for answer in answers]


def rows(folder: Path, query: str) -> list[Any]:
    """What a query finds in the store, read beside the teacher."""
    with closing(sqlite3.connect(folder / "t.sqlite")) as db:
        return db.execute(query).fetchall()


def total(folder: Path, table: str, column: str = "nanodollars") -> int:
    return int(rows(folder, f"SELECT COALESCE(SUM({column}), 0) FROM {table}")[0][0])


def ask_until_answered(url: str, folder: Path, n: int, budget: float) -> list[Answer]:
    """As in a notebook: a cell that was interrupted is run again in the same process. Each step is printed for whoever interrupts."""
    while True:
        try:
            print("asking", flush=True)
            return teacher_at(url, folder, budget).ask(requests(n))
        except KeyboardInterrupt:
            print("interrupted", flush=True)


def main() -> None:
    # A process that was started in the background (`make test &`, nohup) inherits that interrupts are ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--budget", type=float, default=5.0)
    parser.add_argument("--file-limit", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="ask again after an interrupt")
    options = parser.parse_args()
    if options.file_limit:
        limit_files(options.file_limit)
    if options.again:
        answers = ask_until_answered(options.url, options.folder, options.n, options.budget)
    else:
        answers = teacher_at(options.url, options.folder, options.budget).ask(requests(options.n))
    print(
        json.dumps(
            {"answered": sum(answer.text is not None for answer in answers), "problems": sorted(map(str, set(problems(answers))))}
        )
    )


def limit_files(size: int) -> None:
    """As if the disk were full: no file of this process grows beyond `size` bytes."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    endpoint._DISK_SECONDS = 2.0


if __name__ == "__main__":
    main()
