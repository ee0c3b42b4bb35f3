"""What has been paid for. Every reply is kept the moment it arrives, and no study spends more than its cap.

One SQLite file (WAL) that notebooks running at the same time share. Before a request is sent its worst case is
reserved: the reservation is what makes the cap hold and what keeps two processes from paying for one request twice.
A process that dies leaves its reservations behind; whether its requests were billed is unknown, so their worst case
counts against the cap as `unsure` dollars.
"""

import json
import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import psutil

from lib.core import paths
from lib.core.pricing import Usage

STALE_SECONDS = 60.0
"""A process on another machine that has not touched its reservations for so long is taken for dead."""
_UNDER_WAY: set[tuple[Path, str]] = set()
"""Store and key of the calls that this process makes. A reservation of its own that is not here was given up: a notebook's
kernel lives on after an interrupted cell."""
_OPENING_SECONDS = 60.0
"""How long a process waits for others that use or open the same store."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, model TEXT, request TEXT, text TEXT, problem TEXT,
    tokens_in INTEGER, tokens_out INTEGER, nanodollars INTEGER, created REAL, seconds REAL);
CREATE TABLE IF NOT EXISTS failures (
    key TEXT, study TEXT, reason TEXT, nanodollars INTEGER, created REAL);
CREATE INDEX IF NOT EXISTS failures_by_key ON failures (key);
CREATE TABLE IF NOT EXISTS spent (study TEXT PRIMARY KEY, nanodollars INTEGER);
CREATE TABLE IF NOT EXISTS in_flight (
    key TEXT PRIMARY KEY, study TEXT, nanodollars INTEGER, host TEXT, pid INTEGER, started REAL, beat REAL);
"""


class Reply(NamedTuple):
    """What one call brought, as it is paid for and stored: a text, or the problem with it."""

    text: str
    problem: str | None
    usage: Usage
    nanodollars: int


class OverCap(Exception):
    """The next request could pass the cap. `waiting`: requests are in flight that may give some of it back."""

    def __init__(self, waiting: bool):
        self.waiting = waiting


class Busy(Exception):
    """Another process is asking for the same reply right now."""


def _started(pid: int) -> float:
    """Seconds from the start of the machine to that of a process: the same whatever happens to the clock meanwhile."""
    return psutil.Process(pid).create_time() - psutil.boot_time()


@cache
def _this_process() -> tuple[str, int, float]:
    """Host, process and its start, which together no later process shares."""
    return socket.gethostname(), os.getpid(), _started(os.getpid())


def _alive(host: str, pid: int, started: float, beat: float) -> bool:
    """Whether the process that made a reservation still runs; on another host its heartbeat has to do."""
    if host != socket.gethostname():
        return time.time() - beat < STALE_SECONDS

    try:
        return abs(_started(pid) - started) < 1.0
    except psutil.NoSuchProcess:
        return False


def _opened(path: Path) -> sqlite3.Connection:
    """The database, made if need be. SQLite's own patience does not cover the switch to WAL: whoever finds another process
    at it is told `locked` at once, and has to try again."""
    until = time.monotonic() + _OPENING_SECONDS
    while True:
        # One thread at a time uses the connection: the event loop's.
        db = sqlite3.connect(path, timeout=_OPENING_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            # A killed process loses nothing in this mode; only a power cut can lose the last moments.
            db.execute("PRAGMA synchronous=NORMAL")
            db.executescript(_SCHEMA)
            return db
        except sqlite3.OperationalError as error:
            db.close()
            if "locked" not in str(error) or time.monotonic() > until:
                raise OSError(str(error)) from None
            time.sleep(0.02)
        except sqlite3.DatabaseError as error:
            db.close()
            raise ValueError(
                f"{paths.relative(path)} is damaged, or no store of replies ({error}): move it away, or name another `store`."
            ) from None


class Store:
    """The replies, failures, spending and reservations in one file."""

    def __init__(self, path: str | Path, study: str = "none", *, cap: int | None = None):
        self.path, self.study, self.cap = paths.resolve(path), study, cap
        with paths.making(self.path):
            self.db = _opened(self.path)
        self.bury_the_dead()

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing, and nobody else meanwhile."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")  # On a full disk this is what fails, and the transaction would stay open.
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def find(self, key: str) -> Reply | None:
        row = self.db.execute(
            "SELECT text, problem, tokens_in, tokens_out, nanodollars FROM replies WHERE key = ?", (key,)
        ).fetchone()
        return Reply(row[0], row[1], Usage(row[2], row[3]), row[4]) if row else None

    def reserve(self, key: str, worst: int) -> Reply | None:
        """Sets the worst case of a request aside before it is sent; or gives the reply that came in meanwhile."""
        with self.transaction():
            if reply := self.find(key):
                return reply
            holder = self.db.execute("SELECT host, pid, started, beat FROM in_flight WHERE key = ?", (key,)).fetchone()
            if holder and self._under_way(key, *holder):
                raise Busy
            if holder:
                self._bury(key)
            if self.cap is not None:
                held = self.held()
                if self.spent() + held + worst > self.cap:
                    raise OverCap(waiting=held > 0)
            self.db.execute(
                "INSERT INTO in_flight VALUES (?, ?, ?, ?, ?, ?, ?)",
                (key, self.study, worst, *_this_process(), time.time()),
            )
        _UNDER_WAY.add((self.path, key))
        return None

    def let_go(self, key: str) -> None:
        """This process no longer makes the call, whether or not its reservation could be settled."""
        _UNDER_WAY.discard((self.path, key))

    def _under_way(self, key: str, host: str, pid: int, started: float, beat: float) -> bool:
        mine = (host, pid) == _this_process()[:2]
        return _alive(host, pid, started, beat) and (not mine or (self.path, key) in _UNDER_WAY)

    def keep(self, key: str, reply: Reply, *, model: str, request: dict[str, object], seconds: float) -> None:
        """The reply is stored, paid and no longer in flight, in one step."""
        with self.transaction():
            self.db.execute(
                "INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (key, model, json.dumps(request, ensure_ascii=False), reply.text, reply.problem,
                 reply.usage.input, reply.usage.output, reply.nanodollars, time.time(), seconds),
            )  # fmt: skip
            self._settle(key, self.study, reply.nanodollars)

    def fail(self, key: str, reason: str, *, unsure: int) -> None:
        """The request got no reply; `unsure` is what it may have cost all the same."""
        with self.transaction():
            self._fail(key, self.study, reason, unsure)

    def _fail(self, key: str, study: str, reason: str, unsure: int) -> None:
        self.db.execute("INSERT INTO failures VALUES (?, ?, ?, ?, ?)", (key, study, reason, unsure, time.time()))
        self._settle(key, study, unsure)

    def _settle(self, key: str, study: str, cost: int) -> None:
        self.db.execute(
            "INSERT INTO spent VALUES (?, ?) ON CONFLICT (study) DO UPDATE SET nanodollars = nanodollars + excluded.nanodollars",
            (study, cost),
        )
        self.db.execute("DELETE FROM in_flight WHERE key = ?", (key,))

    def bury_the_dead(self) -> None:
        """Reservations of processes that are gone become failures with unsure dollars."""
        with self.transaction():
            rows = self.db.execute("SELECT key, host, pid, started, beat FROM in_flight").fetchall()
            for key, *holder in rows:
                if not self._under_way(key, *holder):
                    self._bury(key)

    def _bury(self, key: str) -> None:
        study, worst = self.db.execute("SELECT study, nanodollars FROM in_flight WHERE key = ?", (key,)).fetchone()
        self._fail(key, study, "killed while in flight", worst)

    def beat(self) -> None:
        """Tells processes on other machines that this one is alive."""
        host, pid, started = _this_process()
        owner = (time.time(), host, pid, started)
        self.db.execute("UPDATE in_flight SET beat = ? WHERE host = ? AND pid = ? AND started = ?", owner)

    def spent(self) -> int:
        """Nanodollars that the study has paid or may have paid, in this run and in all before it."""
        row = self.db.execute("SELECT nanodollars FROM spent WHERE study = ?", (self.study,)).fetchone()
        return int(row[0]) if row else 0

    def held(self) -> int:
        row = self.db.execute("SELECT SUM(nanodollars) FROM in_flight WHERE study = ?", (self.study,)).fetchone()
        return int(row[0] or 0)

    def failures_of(self, key: str) -> list[tuple[str, int]]:
        """Reason and unsure nanodollars of each failed attempt at a request."""
        return self.db.execute("SELECT reason, nanodollars FROM failures WHERE key = ?", (key,)).fetchall()
