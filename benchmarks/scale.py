"""Large data: notebooks 03 and 04 on a CSV of 100,000 rows of people and 50,000 synthetic texts, against a fiftieth of both.

    python benchmarks/scale.py

Prints seconds and the highest memory of each notebook and size; the last line is JSON with the ratios of large to small.
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[1]
LARGE, PART = (100_000, 50_000), 50
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


def run(notebook: str, folder: Path, card: str, examples: str) -> tuple[float, float]:
    """Seconds, and the highest memory of all processes in MB."""
    where = {"03_diversity": {"figures": str(folder / "figures")}, "04_training": {"output": str(folder / "scores.parquet")}}
    bought = {"file": examples, "method": "bought", "teacher": "m", "price": 0.01}
    parameters = {"task": card, "examples": [bought], **where[notebook]}
    command = ["papermill", "-k", "python3", "--no-progress-bar", f"notebooks/{notebook}.ipynb", str(folder / "out.ipynb")]
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen([sys.executable, "-m", *command, "-y", yaml.safe_dump(parameters)], cwd=ROOT)
    while process.poll() is None:
        peak = max(peak, _memory(psutil.Process(process.pid)))
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"{notebook} failed on {card}.")
    return time.perf_counter() - start, peak / 2**20


def _memory(process: psutil.Process) -> int:
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notebooks", nargs="+", default=["03_diversity", "04_training"])
    chosen = parser.parse_args().notebooks
    seconds, peaks = dict[tuple[str, int], float](), dict[str, float]()
    print(f"{'notebook':<14}{'people':>10}{'synthetic':>11}{'seconds':>9}{'MB':>7}")
    for part in (PART, 1):
        human, synthetic = (n // part for n in LARGE)
        with tempfile.TemporaryDirectory() as folder:
            paths = write_task(Path(folder), human, synthetic)
            for notebook in chosen:
                seconds[notebook, part], peaks[notebook] = run(notebook, Path(folder), *paths)
                print(
                    f"{notebook:<14}{human:>10,}{synthetic:>11,}{seconds[notebook, part]:>9.1f}{peaks[notebook]:>7.0f}",
                    flush=True,
                )
    ratios = {f"{name[3:]}_ratio": round(seconds[name, 1] / seconds[name, PART], 2) for name in chosen}
    print(json.dumps(ratios | {f"{name[3:]}_peak_mb": round(peaks[name]) for name in chosen}))


if __name__ == "__main__":
    main()
