"""Runs llama.cpp's server with one model, as a process of its own that lib/teacher/local.py starts.

It is run as a script, not imported, so that it loads nothing but llama.cpp. It stops by itself: each process that uses it holds
a shared lock on the file `users`, which the system releases when that process ends, however it ends. Once nobody has held the
lock for a while, the server ends.
"""

import argparse
import fcntl
import json
import os
import secrets
import time
from pathlib import Path

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # Idle threads sleep, so that training beside it has the cores.

import xllamacpp

_CONTEXT_TOKENS = 2048
"""Room for a prompt and its reply, for each slot; a longer request takes what others leave free."""


def _start(weights: str, slots: int, key: str) -> xllamacpp.Server:
    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [key]
    params.n_parallel, params.n_ctx, params.kv_unified = slots, slots * _CONTEXT_TOKENS, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _threads()
    params.ui, params.warmup, params.verbosity = False, False, 1
    return xllamacpp.Server(params)


def _threads() -> int:
    """One a core, or as many as the environment says, as of a notebook that others run beside."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, int((os.environ.get("OMP_NUM_THREADS") or str(cores)).split(",")[0]))


def _is_used(users: int) -> bool:
    """Whether any process holds the shared lock."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(users, fcntl.LOCK_UN)
    return False


def _end(folder: Path, users: int) -> None:
    """Removes the address and ends, unless somebody came at the last moment."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    (folder / "address.json").unlink(missing_ok=True)  # Whoever waits for the lock finds no address, and starts another.
    os._exit(0)  # llama.cpp's own end waits for its threads.


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--slots", required=True, type=int)
    parser.add_argument("--linger", required=True, type=float)
    given = parser.parse_args()
    os.nice(5)
    users = os.open(given.folder / "users", os.O_RDWR | os.O_CREAT, 0o600)
    key = secrets.token_urlsafe(32)
    server = _start(given.weights, given.slots, key)
    address = {"url": f"{server.listening_address}/v1", "key": key, "pid": os.getpid()}
    temporary = given.folder / "address.new"
    temporary.touch(0o600)
    temporary.write_text(json.dumps(address), encoding="utf-8")
    temporary.replace(given.folder / "address.json")
    unused_since = time.monotonic()
    while True:
        time.sleep(min(1.0, given.linger / 4))
        if _is_used(users):
            unused_since = time.monotonic()
        elif time.monotonic() - unused_since > given.linger:
            _end(given.folder, users)


if __name__ == "__main__":
    main()
