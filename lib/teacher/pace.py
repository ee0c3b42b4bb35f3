"""When a call to an endpoint may start, and how long it may take: as the endpoint's replies show."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_FIRST_CALLS = 4
"""Calls in flight before there is any reply."""
_FIRST_TIMEOUT = 600.0
_LONGEST_TIMEOUT = 3600.0


class Pace:
    """How many calls are in flight, and after how many seconds one is given up.

    A server of one's own may answer one request after the other, while a large service answers thousands at once. So it begins
    with few calls. Each reply that took less than a quarter of the timeout allows one more: even if the server did one thing at a
    time, twice as many calls would take less than half of the timeout. A timeout halves the calls, and gives each twice the time.
    """

    def __init__(self, most: int, timeout: float | None, *, first: int = _FIRST_CALLS):
        self.most, self.limit = most, min(first, most)
        self.timeout, self._stated = timeout or _FIRST_TIMEOUT, timeout is not None
        self._slowed_at = 0.0

    def begin(self) -> None:
        """For one event loop; what the replies have shown stays."""
        self._slots, self._surplus = asyncio.Semaphore(self.limit), 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits until one more request may be sent."""
        await self._slots.acquire()
        try:
            yield
        finally:
            self._free()

    def _free(self) -> None:
        if self._surplus:
            self._surplus -= 1
        else:
            self._slots.release()

    def replied(self, seconds: float) -> None:
        if seconds < self.timeout / 4 and self.limit < self.most:
            self.limit += 1
            self._free()

    def timed_out(self, sent: float) -> None:
        """Calls that were sent before the pace was last slowed down show nothing new."""
        if sent < self._slowed_at:
            return
        self._slowed_at = time.monotonic()
        self._surplus += self.limit // 2
        self.limit -= self.limit // 2
        if not self._stated:
            self.timeout = min(2 * self.timeout, _LONGEST_TIMEOUT)


class Gate:
    """One gate for all calls. A 429 closes it for as long as the endpoint says.

    A reply to a call that was sent after the refused one opens the gate early, as the endpoint accepts calls again: a single 429
    delays only its own row, a real limit delays all rows.
    """

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.opens_at = self.refused_at = 0.0

    async def wait(self) -> None:
        while not self.open.is_set():
            try:
                await asyncio.wait_for(self.open.wait(), self.opens_at - time.monotonic())
            except TimeoutError:
                if time.monotonic() >= self.opens_at:  # Else another refusal has come in meanwhile.
                    self.open.set()

    def refused(self, sent: float, wait: float) -> None:
        self.refused_at = max(self.refused_at, sent)
        self.opens_at = max(self.opens_at, time.monotonic() + wait)
        self.open.clear()

    def replied(self, sent: float) -> None:
        if sent > self.refused_at:
            self.opens_at = 0.0
            self.open.set()


class Clock:
    """The time of the machine behind an endpoint, shared evenly among the calls that are under way."""

    def __init__(self) -> None:
        self.shares: dict[str, float] = {}
        self.until = time.monotonic()

    def _share(self) -> None:
        now = time.monotonic()
        for key in self.shares:
            self.shares[key] += (now - self.until) / len(self.shares)
        self.until = now

    def start(self, key: str) -> None:
        self._share()
        self.shares[key] = 0.0

    def seconds(self, key: str) -> float:
        """The call's share so far."""
        self._share()
        return self.shares[key]

    def stop(self, key: str) -> None:
        self._share()
        self.shares.pop(key, None)
