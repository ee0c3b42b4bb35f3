"""What it costs to choose the next example by likeness, against an endpoint that answers after 100 ms.

A chain (similar, contrastive) waits for each reply before it can ask again, so what it does between two replies is lost time.
The baseline is the same chain with `random`, which embeds nothing. The endpoint is a process of its own. `similar` runs with the
embedded encoder, and with vectors that are looked up word by word (a static embedder, here of that encoder's word vectors), as
a study's `embedder` can name them. `python benchmarks/creation.py` prints a table; its last line is JSON. `--items 10000` makes
as many as the goal speaks of (four minutes a strategy).
"""

import argparse
import contextlib
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lib.core.encoders import EMBEDDED, Embedder
from lib.core.tasks import load, read_card
from lib.generation import plan_for, write
from lib.generation.settings import GenerationSettings
from lib.teacher.backends import open_teacher

DELAY, GOAL = 0.1, 0.05
TESTS = Path(__file__).resolve().parent.parent / "tests"
"""Where the endpoint is."""
CARD = read_card("commonsense")


class Timed:
    """An embedder that says how long it took."""

    def __init__(self, encoder: str) -> None:
        self.inner, self.seconds = Embedder(encoder), 0.0
        self.inner(["so that it is loaded"])

    def __call__(self, texts: list[str]) -> Any:
        began = time.perf_counter()
        found = self.inner(texts)
        self.seconds += time.perf_counter() - began
        return found


def answer_with(words: list[str]) -> Any:
    """Five questions of sixteen words each, as long as the embedded ones; no two are the same."""
    from endpoint import completion

    luck = random.Random(1)

    def answer(body: dict[str, Any], number: int) -> Any:
        made = [
            {"question": " ".join(luck.choices(words, k=16)), "options": ["a", "b", "c", "d", f"e{luck.random()}"], "answer": "a"}
            for _ in range(5)
        ]
        return completion(json.dumps({"examples": made}))

    return answer


def serve(words: list[str], told: Any) -> None:
    """Answers until the other end hangs up."""
    sys.path.insert(0, str(TESTS))
    from endpoint import serving

    with serving(answer_with(words), DELAY) as served, contextlib.suppress(EOFError):
        told.send(served.url)
        told.recv()


@contextlib.contextmanager
def endpoint(words: list[str]) -> Iterator[str]:
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(words, its))
    process.start()
    its.close()
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.join()


def save_static(folder: str) -> None:
    """An embedder that only looks words up and takes their mean."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    encoder = Embedder().model
    words = encoder[0].model.get_input_embeddings().weight.detach().numpy()
    SentenceTransformer(modules=[StaticEmbedding(encoder.tokenizer.backend_tokenizer, embedding_weights=words)]).save(folder)


def run(strategy: str, items: int, encoder: str = EMBEDDED) -> dict[str, float]:
    rows = load(CARD).to_list()
    words = sorted({word for row in rows for word in row["question"].split()})
    embed = Timed(encoder)
    with tempfile.TemporaryDirectory() as folder, endpoint(words) as url:
        prices = {"m": {"input": 1, "output": 2}}
        store = f"{folder}/t.sqlite"
        teacher = open_teacher("m", study="s", budget=100.0, base_url=url, token_prices=prices, store=store)
        began = time.perf_counter()
        written = write(plan_for(CARD, rows, method=strategy, settings=GenerationSettings(n=items)), teacher, embed)
        seconds = time.perf_counter() - began
        teacher.close()
    assert len(written.examples) == items, written.account()
    return {"seconds": seconds, "selecting": embed.seconds, "replies": len(written.answers)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=500)
    items = parser.parse_args().items
    found = {strategy: run(strategy, items) for strategy in ("random", "similar", "contrastive")}
    with tempfile.TemporaryDirectory() as folder:
        save_static(folder)
        found["similar, static"] = run("similar", items, folder)
    print(f"{items} items, five a reply, {DELAY * 1000:.0f} ms a reply\n")
    print(f"{'strategy':<16} {'seconds':>8} {'selecting':>10} {'share':>7} {'ms a reply':>11}")
    for strategy, one in found.items():
        share, each = one["selecting"] / one["seconds"], 1000 * one["selecting"] / one["replies"]
        print(f"{strategy:<16} {one['seconds']:>8.1f} {one['selecting']:>9.2f}s {share:>7.1%} {each:>11.1f}")
    likest, static = found["similar"], found["similar, static"]
    figures = {
        "items": items,
        "selection_share": round(likest["selecting"] / likest["seconds"], 4),
        "selection_ms": round(1000 * likest["selecting"] / likest["replies"], 2),
        "slower_than_random": round(likest["seconds"] / found["random"]["seconds"], 3),
        "static_share": round(static["selecting"] / static["seconds"], 4),
        "goal": GOAL,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
