"""How fast, how lean and how careful the teacher is, against an endpoint that answers after 100 ms.

The baseline is a bare aiohttp client in the same run: no store, no cap, no retries. Every client runs in a process of
its own. `python benchmarks/teacher.py` prints a table for people; its last line is JSON.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lib.teacher.backends import open_teacher
from lib.teacher.client import Request

N = 1000
IN_FLIGHT = 64
PAIRS = 5
ROOT = Path(__file__).resolve().parent.parent
FAULTS = ["--refuse", "0.05", "--break", "0.05", "--malform", "0.05"]
Figures = dict[str, Any]

# ---- the clients, each in a process of its own ----


def bare(url: str, folder: Path) -> Figures:
    """What aiohttp alone can do: 64 workers that post and read JSON."""

    async def ask_all() -> int:
        import aiohttp

        todo, answered = iter(range(N)), []
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as session:

            async def work() -> None:
                for number in todo:
                    body = Request([{"role": "user", "content": f"prompt {number}"}], max_tokens=100).body("m")
                    async with session.post(f"{url}/chat/completions", json=body) as response:
                        answered.append(json.loads(await response.read())["choices"][0]["message"]["content"])

            await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
        return len(answered)

    began = time.perf_counter()
    return {"answered": asyncio.run(ask_all()), "seconds": time.perf_counter() - began}


def ours(url: str, folder: Path) -> Figures:
    """The teacher as a notebook uses it, with a store on the disk and a cap."""

    def accept(text: str) -> str | None:
        return None if text.startswith("{") else "malformed"

    prices = {"m": {"input": 0.15, "output": 0.6}}
    teacher = open_teacher("m", study="benchmark", budget=5, base_url=url, token_prices=prices, store=folder / "store.sqlite")
    asked = [Request([{"role": "user", "content": f"prompt {number}"}], max_tokens=100) for number in range(N)]
    began = time.perf_counter()
    answers = teacher.ask(asked, accept)
    return {"answered": sum(answer.text is not None for answer in answers), "seconds": time.perf_counter() - began}


CLIENTS: dict[str, Callable[[str, Path], Figures]] = {"bare": bare, "ours": ours}


def run_client(name: str, url: str, folder: Path) -> Figures:
    figures = CLIENTS[name](url, folder)
    return figures | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


# ---- what is measured ----


@contextlib.contextmanager
def endpoint(*options: str) -> Iterator[tuple[str, list[int]]]:
    """A fresh endpoint process: its address, and when it is closed the number of calls that it saw."""
    command = [sys.executable, str(ROOT / "tests" / "endpoint.py"), "--delay", "0.1", *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    calls: list[int] = []
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1", calls
    finally:
        out, _ = process.communicate("")
        calls.append(int(out))


def start(name: str, url: str, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, __file__, "--client", name, "--url", url, "--folder", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def client(name: str, url: str, folder: Path) -> Figures:
    process = start(name, url, folder)
    out, err = process.communicate()
    if process.returncode:
        raise RuntimeError(f"The client failed:\n{err[-2000:]}")
    figures: Figures = json.loads(out)
    return figures


def measured(name: str, folder: Path, *options: str) -> Figures:
    """One client against an endpoint of its own."""
    with endpoint(*options) as (url, calls):
        figures = client(name, url, folder)
    return figures | {"rate": figures["answered"] / figures["seconds"], "calls": calls[0]}


def repeated_calls(folder: Path) -> int:
    """The calls that an endpoint sees when everything was answered before."""
    return int(measured("ours", folder)["calls"])


def kill_extra_calls(folder: Path) -> int:
    """Calls beyond one for each request and one more for each that was in flight when the client was killed."""
    with endpoint() as (url, calls):
        process = start("ours", url, folder)
        while stored(folder, "replies") < N // 2:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        in_flight = stored(folder, "in_flight")
        client("ours", url, folder)
    return max(0, calls[0] - N - in_flight)


def stored(folder: Path, table: str) -> int:
    try:
        with contextlib.closing(sqlite3.connect(folder / "store.sqlite")) as db:
            return int(db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])
    except sqlite3.OperationalError:  # The client has not made it yet.
        return 0


def main(scratch: Path) -> None:
    pairs = []
    for number in range(PAIRS):
        # Whoever goes second may find a busier machine, so they take turns.
        order = ["bare", "ours"] if number % 2 else ["ours", "bare"]
        folder = scratch / f"pair {number}"
        pairs.append({name: measured(name, folder) for name in order})
        ratio = pairs[-1]["ours"]["rate"] / pairs[-1]["bare"]["rate"]
        bare, mine = (pairs[-1][name]["rate"] for name in ("bare", "ours"))
        print(f"pair {number + 1}: aiohttp {bare:6.1f} rows/s, teacher {mine:6.1f} rows/s, ratio {ratio:.2f}")
    clean = statistics.median(pair["ours"]["rate"] for pair in pairs)
    faulty = measured("ours", scratch / "faults", *FAULTS)
    figures = {
        "clean_ratio": round(statistics.median(pair["ours"]["rate"] / pair["bare"]["rate"] for pair in pairs), 3),
        "fault_ratio": round(faulty["rate"] / clean, 3),
        "lost_rows": N - faulty["answered"],
        "peak_mb": round(max(run["peak_mb"] for run in [*(pair["ours"] for pair in pairs), faulty]), 1),
        "repeated_calls": repeated_calls(folder),
        "kill_extra_calls": kill_extra_calls(scratch / "kill"),
    }
    show(figures, clean, faulty)
    print(json.dumps(figures))


def show(figures: Figures, clean: float, faulty: Figures) -> None:
    said = {
        "clean_ratio": f"rows/s against bare aiohttp, median of {PAIRS} pairs ({clean:.0f} rows/s)",
        "fault_ratio": f"rows/s with faults against clean ({faulty['rate']:.0f} rows/s in {faulty['calls']} calls)",
        "lost_rows": "rows without an accepted answer in the run with faults",
        "peak_mb": "most memory of the client process, in MiB",
        "repeated_calls": "calls when everything is asked again",
        "kill_extra_calls": "calls after kill -9 beyond those that were in flight",
    }
    goals = {"clean_ratio": ">= 0.8", "fault_ratio": ">= 0.3", "peak_mb": "< 120"}
    print(f"\n{N} requests, {IN_FLIGHT} in flight, 100 ms a reply\n")
    for name, meaning in said.items():
        print(f"{name:17} {figures[name]:>7} {goals.get(name, '0'):>7}  {meaning}")
    print()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", choices=CLIENTS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        print(json.dumps(run_client(given.client, given.url, given.folder)))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))
