"""Large data: notebooks 01 to 04 on a CSV of 100,000 rows of people and 50,000 synthetic texts, 05 on 2,000 runs, and a store of
300,000 replies, each against a fiftieth.

    python benchmarks/scale.py
    python benchmarks/scale.py --only 01_generation store

Prints seconds and the highest memory of each and size; the last line is JSON with the ratios of large to small.
"""

import argparse
import contextlib
import csv
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from endpoint import completion, serving  # noqa: E402

from lib.core.pricing import Usage  # noqa: E402
from lib.teacher.ledger import Reply, Store  # noqa: E402

LARGE, PART = (100_000, 50_000), 50
RUNS, REPLIES = 2_000, 300_000
SIZES = (0, 10, 20, 40, 80)
WORDS = [
    f"{first}{second}"
    for first in ("par", "de", "mo", "li", "sta", "ru", "ven", "co")
    for second in ("cel", "ly", "ney", "st", "p", "nd")
]
LABELS = ("billing", "delivery")


def write_texts(path: Path, n: int, *, seed: int) -> str:
    """Made-up texts of some ten words, a tenth of which go with their label."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in range(n):
            label = rng.choice(LABELS)
            words = [label[:4] if rng.random() < 0.1 else rng.choice(WORDS) for _ in range(rng.randint(6, 14))]
            rows.writerow([f"{' '.join(words)} {number}", label])
    return str(path)


def write_task(folder: Path, human: int, synthetic: int) -> tuple[str, str]:
    """The paths of a card and of a synthetic set."""
    source = {"files": {"train": write_texts(folder / "people.csv", human, seed=1)}, "held_out": human // 100}
    card = {
        "name": "tickets", "kind": "text", "description": "say which team answers", "family": "tickets",
        "fields": {"text": "a message"}, "labels": {label: label for label in LABELS},
        "human_price": {"dollars": 0.1, "source": "made up", "assumed": True}, "sources": {"made_up": source},
    }  # fmt: skip
    (folder / "tickets.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    return str(folder / "tickets.yaml"), write_texts(folder / "bought.csv", synthetic, seed=2)


def write_scores(path: Path, runs: int) -> str:
    """Made-up scores of four methods: all mixes of five sizes of each kind, as many seeds as make so many runs."""
    rng, mixes = random.Random(3), [mix for mix in itertools.product(SIZES, SIZES) if any(mix)]
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["task", "method", "n_human", "n_synthetic", "seed", "score", "human_price", "synthetic_price"])
        made = itertools.product(range(1, runs), mixes, range(4))
        every = ((seed, mix, method) for seed, mix, method in made if mix[1] or not method)  # People alone once.
        for seed, (human, synthetic), method in itertools.islice(every, runs):
            score = 0.9 - 0.4 / (1 + 0.1 * human + 0.02 * (method + 1) * synthetic) + rng.gauss(0, 0.01)
            rows.writerow(["tickets", f"method_{method}", human, synthetic, seed, min(1, score), 0.1, 0.01])
    return str(path)


def answer(body: dict[str, Any], number: int) -> dict[str, Any]:
    """Three examples, or a label."""
    if "Which label" in str(body["messages"]):
        return completion(json.dumps({"label": LABELS[0]}))
    words = " ".join(random.Random(number).choices(WORDS, k=12))
    return completion(json.dumps({"examples": [{"text": f"{words} {number} {part}"} for part in ("one", "two", "three")]}))


@contextlib.contextmanager
def parameters_of(notebook: str, folder: Path, part: int) -> Iterator[dict[str, Any]]:
    """The parameters of a notebook on data of a size, and an endpoint for those that ask."""
    human, synthetic = (n // part for n in LARGE)
    if notebook == "05_budget":
        yield {
            "scores": [write_scores(folder / "scores.csv", RUNS // part)],
            "budgets": [2, 8],
            "figures": str(folder / "figures"),
        }
        return
    card, bought = write_task(folder, human, synthetic)
    given = {"task": card, "examples": [{"file": bought, "method": "bought", "teacher": "m", "price": 0.01}]}
    if notebook == "03_diversity":
        yield given | {"figures": str(folder / "figures")}
    elif notebook == "04_training":
        yield given | {"output": str(folder / "scores.parquet")}
    else:
        access = {"token_prices": {"m": {"input": 1.0, "output": 2.0}}, "store": str(folder / "t.sqlite")}
        method = {"01_generation": "few_shot_3", "02_labeling": "few_shot"}[notebook]
        with serving(answer) as served:
            asking = {"teacher": "m", "budget": 5.0, "access": access | {"base_url": served.url}}
            yield {"task": card, "method": method, "output": str(folder / "set.parquet"), **asking}


def run(notebook: str, folder: Path, part: int) -> tuple[float, float]:
    """Seconds, and the highest memory of all processes in MB."""
    if notebook == "store":
        return use_store(folder, REPLIES // part)
    with parameters_of(notebook, folder, part) as parameters:
        command = ["papermill", "-k", "python3", "--no-progress-bar", f"notebooks/{notebook}.ipynb", str(folder / "out.ipynb")]
        start, peak = time.perf_counter(), 0
        process = subprocess.Popen([sys.executable, "-m", *command, "-y", yaml.safe_dump(parameters)], cwd=ROOT)
        while process.poll() is None:
            peak = max(peak, _memory(psutil.Process(process.pid)))
            time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"{notebook} failed.")
    return time.perf_counter() - start, peak / 2**20


def use_store(folder: Path, replies: int) -> tuple[float, float]:
    """Opens a store of so many replies, finds 10,000 and keeps 2,000 more: seconds, and the size of the store in MB."""
    path, row = folder / "t.sqlite", ("m", "x" * 600, "y" * 300, None, 50, 20, 100, 0.0, 0.1)
    with contextlib.closing(Store(path, "s")) as store, store.transaction():
        keys = ((str(number), *row) for number in range(replies))
        store.db.executemany("INSERT INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", keys)
    start, rng = time.perf_counter(), random.Random(4)
    with contextlib.closing(Store(path, "s", cap=10**15)) as store:
        for _ in range(10_000):
            store.find(str(rng.randrange(replies)))
        for number in range(2_000):
            store.reserve(f"new {number}", 100)
            store.keep(f"new {number}", Reply("x", None, Usage(1, 1), 100), model="m", request={}, seconds=0.1)
    return time.perf_counter() - start, path.stat().st_size / 2**20


def _memory(process: psutil.Process) -> int:
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


NAMES = ["01_generation", "02_labeling", "03_diversity", "04_training", "05_budget", "store"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=NAMES, choices=NAMES)
    chosen = parser.parse_args().only
    seconds, peaks = dict[tuple[str, int], float](), dict[str, float]()
    print(f"{'what':<14}{'size':>8}{'seconds':>9}{'MB':>7}")
    for part, name in itertools.product((PART, 1), chosen):
        with tempfile.TemporaryDirectory() as folder:
            seconds[name, part], peaks[name] = run(name, Path(folder), part)
        print(f"{name:<14}{f'1/{part}':>8}{seconds[name, part]:>9.1f}{peaks[name]:>7.0f}", flush=True)
    ratios = {f"{name}_ratio": round(seconds[name, 1] / seconds[name, PART], 2) for name in chosen}
    print(json.dumps(ratios | {f"{name}_mb": round(peaks[name]) for name in chosen}))


if __name__ == "__main__":
    main()
