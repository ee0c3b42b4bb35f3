"""How fast the teacher `local` is, against a bare client of the same server, and how many of its items can be used.

The baseline is an aiohttp client with as many calls in flight: no store, no cap, no reading of items. Both ask for the same lines
of the task news, in turn, so that what else the machine does slows both, and each line is cut at as many tokens: how a sampled
line ends differs from run to run, by which calls the server answers together. `python benchmarks/local.py` prints a table for
people; its last line is JSON.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from lib.core.pricing import hourly_price
from lib.core.tasks import read_card
from lib.generation import plan_for, raw_examples, write
from lib.generation.sampler import Written
from lib.generation.settings import GenerationSettings
from lib.teacher import local
from lib.teacher.client import Request
from lib.teacher.ledger import Store

PAIRS = 9
LENGTH = 48
NEVER = "\x01"
"""Where a continuation would end: no model writes it."""
TASKS = ("news", "review", "emotion")


def requests_of(task: str, n: int) -> list[Request]:
    """The first requests of 01 for n examples."""
    card = read_card(task)
    raw = raw_examples(card, "few_shot_5", 60)
    method = plan_for(card, raw, method="few_shot_5", settings=GenerationSettings(n=n), completion=True).start()
    method.begin({}, Written())
    return [call.request for call in method.next_calls(Written())]


def of_one_length(requests: list[Request]) -> list[Request]:
    """The same prompts, each to be continued by as many tokens, whatever the model would say."""
    return [replace(request, schema=None, grammar=None, stop=NEVER, choices=1, max_tokens=LENGTH) for request in requests]


def bare(requests: list[Request], weights: local.Weights) -> float:
    """Tokens a second of aiohttp alone."""

    async def ask_all(url: str, key: str) -> int:
        waiting, tokens = iter(requests), 0

        async def work() -> None:
            nonlocal tokens
            for request in waiting:
                body = {**request.body(weights.name), **local._NO_LOOPS}
                async with session.post(f"{url}{request.path}", json=body) as response:
                    tokens += json.loads(await response.read())["usage"]["completion_tokens"]

        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
            await asyncio.gather(*(work() for _ in range(local.SLOTS)))
        return tokens

    with local._server(weights, linger=60.0) as address:
        began = time.perf_counter()
        return asyncio.run(ask_all(address["url"], address["key"])) / (time.perf_counter() - began)


def ours(requests: list[Request], weights: local.Weights, folder: Path) -> float:
    """Tokens a second of the teacher as a notebook uses it."""
    teacher = local.Local(weights, hourly_price(0.085), store=Store(folder / f"{time.time()}.sqlite", "s"))
    began = time.perf_counter()
    answers = teacher.ask(requests)
    seconds = time.perf_counter() - began
    teacher.close()
    return sum(reply.usage.output for answer in answers for _, reply in answer.replies) / seconds


def written(task: str, n: int, weights: local.Weights, folder: Path) -> dict[str, Any]:
    """What 01 writes of a task: seconds, tokens, and the share of its items that are kept."""
    card = read_card(task)
    plan = plan_for(
        card, raw_examples(card, "few_shot_5", 60), method="few_shot_5", settings=GenerationSettings(n=n), completion=True
    )
    teacher = local.Local(weights, hourly_price(0.085), store=Store(folder / f"{task}.sqlite", "s"))
    began = time.perf_counter()
    result = write(plan, teacher)
    seconds = time.perf_counter() - began
    teacher.close()
    items = sum(row["items"] for row in result.account() if row["outcome"] != "surplus")
    tokens = result.bill.tokens_in + sum(len(reply.text) // 4 for answer in result.answers for _, reply in answer.replies)
    return {"kept": len(result.examples), "seconds": seconds, "usable": len(result.examples) / items, "tokens": tokens / seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher", default="local")
    parser.add_argument("--n", type=int, default=48, help="examples of each task")
    given = parser.parse_args()
    weights, ratios = local.find_weights(given.teacher), []
    requests = of_one_length(requests_of("news", given.n))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours(requests, weights, folder)  # The server starts, and keeps the beginning of the prompts.
        for pair in range(PAIRS):
            first = ours(requests, weights, folder) if pair % 2 else 0  # Each goes first in turn.
            alone = bare(requests, weights)
            with_store = first or ours(requests, weights, folder)
            ratios.append(with_store / alone)
            print(f"bare {alone:.0f} tokens a second, the teacher {with_store:.0f}", flush=True)
        by_task = {task: written(task, given.n, weights, folder) for task in TASKS}
    for task, figures in by_task.items():
        print(task, {key: round(value, 3) for key, value in figures.items()})
    rates = [figures["kept"] / figures["seconds"] for figures in by_task.values()]
    last = {
        "client_ratio": round(statistics.median(ratios), 3),
        "tokens_per_second": round(statistics.mean(figures["tokens"] for figures in by_task.values()), 1),
        "examples_per_minute": round(60 * statistics.mean(rates), 1),
        "usable": {task: round(figures["usable"], 3) for task, figures in by_task.items()},
    }
    print(json.dumps(last))


if __name__ == "__main__":
    main()
