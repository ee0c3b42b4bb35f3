"""Attacks that take too long for a test: on the teacher (what an endpoint on loopback saw, against the least possible), on
training, and by names that a shell would run.

`python benchmarks/hostile.py` prints a table of attacks, passed or not; its last line is JSON.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from asking import COST, prompt  # noqa: E402
from endpoint import Served, completion, serving  # noqa: E402

from lib.teacher.ledger import Store  # noqa: E402

N = 200
SECONDS = 60
"""The longest that a client may take."""


class Result(NamedTuple):
    """What came of an attack: calls beyond the least possible, how many of these it may explain, and what is wrong."""

    extra_calls: int
    explained: int
    wrong: list[str]

    @property
    def passed(self) -> bool:
        return not self.wrong and self.extra_calls <= self.explained


def client(served: Served, folder: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(ROOT / "tests" / "asking.py"), served.url, str(folder), "--n", str(N), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def number(folder: Path, query: str) -> int:
    with contextlib.closing(sqlite3.connect(folder / "t.sqlite")) as db:
        return int(db.execute(query).fetchone()[0] or 0)


def answered(served: Served, folder: Path) -> int:
    out, _ = client(served, folder).communicate(timeout=SECONDS)
    return int(json.loads(out)["answered"]) if out else 0


def result(served: Served, folder: Path, got: int, explained: int) -> Result:
    """After a last run in peace."""
    Store(folder / "t.sqlite").close()
    spent, paid, unsure = (number(folder, f"SELECT SUM(nanodollars) FROM {table}") for table in ("spent", "replies", "failures"))
    wrong = {
        f"{got} of {N} rows answered": got != N,
        "a reservation is left": number(folder, "SELECT COUNT(*) FROM in_flight") > 0,
        f"spent {spent}, but replies and failures cost {paid + unsure}": spent != paid + unsure,
        f"{paid} for {N} replies at {COST}": paid != N * COST,
    }
    return Result(len(served.times) - N, explained, [sentence for sentence, true in wrong.items() if true])


def stopped(folder: Path, how: signal.Signals, times: int) -> Result:
    """A process that asks is stopped at random moments, and then the rest is asked."""
    rng, in_flight = random.Random(1), 0
    with serving(lambda body, n: completion("reply"), delay=0.2) as served:
        for _ in range(times):
            process, calls, until = client(served, folder), len(served.times), time.monotonic() + SECONDS
            while len(served.times) == calls and process.poll() is None and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.5))
            process.send_signal(how)
            process.communicate(timeout=SECONDS)
            in_flight += number(folder, "SELECT COUNT(*) FROM in_flight")
        got = answered(served, folder)
    unsure = number(folder, "SELECT COUNT(*) FROM failures WHERE nanodollars > 0")
    return result(served, folder, got, max(in_flight, unsure))


def killed(folder: Path) -> Result:
    return stopped(folder, signal.SIGKILL, 15)


def interrupted(folder: Path) -> Result:
    return stopped(folder, signal.SIGINT, 8)


def terminated(folder: Path) -> Result:
    return stopped(folder, signal.SIGTERM, 5)


def log_truncated(folder: Path) -> Result:
    """A kill, and the end of the store's log is lost, as by a disk that fails: what was lost is asked again, nothing else."""
    with serving(lambda body, n: completion("reply"), delay=0.05) as served:
        process, until = client(served, folder), time.monotonic() + SECONDS
        while len(served.times) < N // 2 and time.monotonic() < until:
            time.sleep(0.002)
        process.kill()
        process.communicate()
        log = folder / "t.sqlite-wal"
        os.truncate(log, log.stat().st_size // 2)
        missing = len(served.times) - number(folder, "SELECT COUNT(*) FROM replies")
        got = answered(served, folder)
    return result(served, folder, got, missing)


def four_processes(folder: Path) -> Result:
    """Four processes ask the same at once, one of them is killed: no reply is paid for twice."""
    with serving(lambda body, n: completion("reply"), delay=0.05) as served:
        processes = [client(served, folder) for _ in range(4)]
        until = time.monotonic() + SECONDS
        while len(served.times) < N // 4 and time.monotonic() < until:
            time.sleep(0.002)
        processes[0].kill()
        for process in processes:
            process.communicate(timeout=SECONDS)
        unsure = number(folder, "SELECT COUNT(*) FROM failures WHERE nanodollars > 0")
        got = answered(served, folder)
    return result(served, folder, got, unsure)


def one_cap(folder: Path) -> Result:
    """Three processes under one cap that is far too small."""
    cap = 30 * COST + 300_000
    with serving(lambda body, n: completion("reply"), delay=0.05) as served:
        processes = [client(served, folder, "--budget", str(cap / 1e9)) for _ in range(3)]
        for process in processes:
            process.communicate(timeout=SECONDS)
    spent, twice = number(folder, "SELECT SUM(nanodollars) FROM spent"), Counter(map(prompt, served.bodies)).most_common(1)[0][1]
    wrong = {f"spent {spent} of {cap}": spent > cap, f"one prompt was asked {twice} times": twice > 1}
    return Result(0, 0, [sentence for sentence, true in wrong.items() if true])


TRAINING = ("seeds", "20", "epochs", "2", "workers", "2", "frozen_layers", "4")


def training_stopped(folder: Path, *, worker: bool) -> Result:
    """04 is ended while it trains, or one of its processes is killed: no process is left, finished runs are kept."""
    options = [part for name, value in zip(TRAINING[::2], TRAINING[1::2], strict=True) for part in ("-p", name, value)]
    command = [sys.executable, "-m", "papermill", "-k", "python3", "--no-progress-bar", "notebooks/04_training.ipynb"]
    command += [str(folder / "out.ipynb"), "-p", "output", str(folder / "scores.parquet"), *options]
    kept, until = folder / "scores.kept.jsonl", time.monotonic() + 5 * SECONDS
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while not kept.is_file() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.2)
    started = psutil.Process(process.pid).children(recursive=True)
    workers = [child for child in started if "multiprocessing.forkserver" in " ".join(child.cmdline())]
    (workers[-1] if worker else psutil.Process(process.pid)).send_signal(signal.SIGKILL if worker else signal.SIGTERM)
    _, said = process.communicate(timeout=SECONDS)
    _, left = psutil.wait_procs(started, timeout=SECONDS)
    for child in left:
        child.kill()
    wrong = {
        "processes are left": bool(left),
        "nothing was kept": not kept.is_file(),
        "it is not said": worker and "A training process was ended from outside" not in said,
    }
    return Result(0, 0, [sentence for sentence, true in wrong.items() if true])


def training_terminated(folder: Path) -> Result:
    return training_stopped(folder, worker=False)


def worker_killed(folder: Path) -> Result:
    return training_stopped(folder, worker=True)


def odd_names(folder: Path) -> Result:
    """A study from 03 to 05 whose paths, labels and teacher hold what a shell would run: nothing of it is run."""
    copy, attack = folder / "copy", "$(touch pwned) ;touch pwned; `touch pwned` ' \""
    copy.mkdir()
    for name in ("lib", "notebooks", "data", "profiles", "studies", ".ipython"):
        shutil.copytree(ROOT / name, copy / name)
    shutil.copy(ROOT / "Snakefile", copy)
    own = copy / attack
    own.mkdir()
    rows = [{"id": str(n), "text": f"message {n} says {word}", "label": word} for n, word in enumerate(("pay", attack) * 20)]
    for name, part in {"train": rows[:30], "test": rows[30:], "bought": rows[:20]}.items():
        (own / f"{name} {attack}.jsonl").write_text("\n".join(map(json.dumps, part)), encoding="utf-8")
    card = {
        "name": "own", "kind": "text", "description": attack, "family": "own", "fields": {"text": attack},
        "labels": {"pay": attack, attack: attack}, "human_price": {"dollars": 0.1, "source": attack},
        "sources": {"own": {"files": {name: str(own / f"{name} {attack}.jsonl") for name in ("train", "test")}}},
    }  # fmt: skip
    (own / "card.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    study = {
        "question": attack, "tasks": [str(own / "card.yaml")], "generation": {"methods": []},
        "sets": {"bought": {"file": str(own / f"bought {attack}.jsonl"), "price": 0.01, "teacher": attack}},
        "training": {"epochs": 1, "seeds": 1}, "budgets": {"budgets": [0.9], "shares": [0, 1]},
    }  # fmt: skip
    (copy / "studies" / "odd.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(copy), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["snakemake", "--profile", "profiles/default", "--cores", "2", "--config", "study=odd"]
    ended = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    wrong = {f"it failed: {ended.stderr[-300:]}": ended.returncode != 0, "a name was run": any(folder.rglob("pwned"))}
    return Result(0, 0, [sentence for sentence, true in wrong.items() if true])


ATTACKS: dict[str, Callable[[Path], Result]] = {
    "15 kill -9 at random moments": killed,
    "8 interrupts at random moments": interrupted,
    "5 SIGTERM at random moments": terminated,
    "the end of the store's log is lost": log_truncated,
    "4 processes ask the same, 1 is killed": four_processes,
    "3 processes under one cap": one_cap,
    "SIGTERM of papermill while it trains": training_terminated,
    "one process of a sweep is killed": worker_killed,
    "paths, labels and a teacher for a shell": odd_names,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[attack.__name__ for attack in ATTACKS.values()])
    chosen, figures = parser.parse_args().only, dict[str, Any]()
    print(f"{'attack':40} {'extra calls':>11} {'explained':>9} {'seconds':>8}")
    for name, attack in ((name, attack) for name, attack in ATTACKS.items() if attack.__name__ in chosen):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            came = attack(Path(folder))
        figures[attack.__name__] = came.passed
        said = "passed" if came.passed else "FAILED " + "; ".join(came.wrong)
        print(f"{name:40} {came.extra_calls:11} {came.explained:9} {time.perf_counter() - began:8.1f}  {said}", flush=True)
    print(json.dumps(figures | {"failed": sum(not passed for passed in figures.values())}))


if __name__ == "__main__":
    main()
