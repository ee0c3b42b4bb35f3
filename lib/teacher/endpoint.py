"""A teacher at an OpenAI-compatible endpoint: OpenAI, Azure, vLLM, Ollama, llama.cpp and others.

The openai SDK makes the calls, on its aiohttp transport. This module decides when a call may start, what a failure means (wait,
try again, give the row up, or stop) and what it may have cost.
"""

import asyncio
import json
import os
import random
import sqlite3
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

import aiohttp
import httpx2
import openai
from dotenv import dotenv_values
from tqdm import tqdm

from lib.core import paths
from lib.core.pricing import TokenPrice
from lib.teacher.client import OVER_CAP, Request, Teacher, TeacherError
from lib.teacher.ledger import STALE_SECONDS, Busy, OverCap, Reply, Store
from lib.teacher.parsing import read_completion

_ATTEMPTS = 8
"""How often a call that fails (not one that is refused for its rate) is made before its row is given up."""
_PATIENCE_SECONDS = 600.0
"""How long one row waits in all for an endpoint that says 429."""
_DISK_SECONDS = 60.0
"""How long a paid reply waits in memory for room on the disk."""
_T = TypeVar("_T")


@cache
def _certificates() -> ssl.SSLContext:
    """The trusted certificates; cached, as reading them takes 20 ms."""
    return httpx2.create_ssl_context()


class _Failure(Exception):
    """A call without a reply. `unsure`: it may have been billed. `wait`: seconds to wait, if the endpoint names them."""

    def __init__(
        self, reason: str, *, unsure: bool = False, retry: bool = True, limited: bool = False, wait: float | None = None
    ):
        super().__init__(reason)
        self.reason, self.unsure, self.retry, self.limited, self.wait = reason, unsure, retry, limited, wait


class _StoreFull(TeacherError):
    """A paid reply could not be stored; its reservation stays, and counts as its possible cost."""


class _Gate:
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


def _api_key() -> str | None:
    """OPENAI_API_KEY, from the environment or .env."""
    return os.environ.get("OPENAI_API_KEY") or dotenv_values(paths.ROOT / ".env").get("OPENAI_API_KEY") or None


class Endpoint(Teacher):
    """Calls an endpoint; each reply is stored before it is used."""

    timeout = 120.0

    def __init__(self, model: str, price: TokenPrice, *, store: Store, base_url: str | None):
        super().__init__(model, price, pays=True)
        self.store, self.base_url, self.key = store, base_url, _api_key()
        if not self.key and not base_url:
            raise TeacherError(f"Teacher {model!r} needs a key: put OPENAI_API_KEY into the environment or .env.")
        self.openai_like = base_url is None or "openai.com" in base_url or "azure.com" in base_url
        self.structured = True
        self.replied = False
        self.gate: _Gate
        self.client: openai.AsyncOpenAI

    def close(self) -> None:
        self.store.close()

    def failures_of(self, request: Request) -> list[tuple[str, int]]:
        return self.store.failures_of(request.key(self.model))

    async def session(self, work: Callable[[], Awaitable[_T]]) -> _T:
        self.gate = _Gate()
        beat = asyncio.get_running_loop().create_task(self._keep_beating())
        http = openai.DefaultAioHttpClient(timeout=self.timeout, verify=_certificates())
        try:
            # Retries are made here, where they are counted and priced, so the SDK makes none.
            async with openai.AsyncOpenAI(
                api_key=self.key or "none", base_url=self.base_url, max_retries=0, timeout=self.timeout, http_client=http
            ) as self.client:
                return await work()
        finally:
            beat.cancel()

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(STALE_SECONDS / 4)
            with suppress(sqlite3.OperationalError):  # A full disk may have room again at the next beat.
                self.store.beat()
                self.store.bury_the_dead()  # Otherwise a row would wait for ever for the reservation of a dead process.

    async def fetch(self, request: Request) -> Reply | str:
        try:
            return await self._fetch_patiently(request)
        except sqlite3.OperationalError as error:
            raise TeacherError(f"{self.store.path} cannot be written ({error}); what was paid for before is stored.") from None

    async def _fetch_patiently(self, request: Request) -> Reply | str:
        key, failures, waited = request.key(self.model), 0, 0.0
        worst = self.price.nanodollars(request.worst())
        while True:
            try:
                if reply := self.store.find(key) or await self._reserve(key, worst):
                    return reply
            except OverCap:
                return OVER_CAP
            try:
                return await self._paid_call(request, key, worst)
            except _Failure as failure:
                failures += not failure.limited
                wait = self.pause(failure, failures)
                waited += wait
                if not failure.retry or failures >= self._attempts(failure) or waited > _PATIENCE_SECONDS:
                    return self._give_up(failure)
                await asyncio.sleep(wait)

    async def _reserve(self, key: str, worst: int) -> Reply | None:
        """Waits until the request may be paid for, or another process has stored its reply."""
        while True:
            try:
                return self.store.reserve(key, worst)
            except Busy:
                await asyncio.sleep(0.1)
            except OverCap as over:
                if not over.waiting:
                    raise
                await asyncio.sleep(0.05)

    async def _paid_call(self, request: Request, key: str, worst: int) -> Reply:
        """Makes the call, and settles its reservation in every case."""
        sent = 0.0
        try:
            await self.gate.wait()
            sent = time.monotonic()
            text, problem, usage = read_completion(await self._call(request))
            self.gate.replied(sent)
            self.replied = True
            reply = Reply(text, problem, usage or request.worst(), self.price.nanodollars(usage) if usage else worst)
            await self._keep(request, key, reply, time.monotonic() - sent)
            return reply
        except _StoreFull:
            raise
        except BaseException as error:
            self._failed(error, key, sent, worst)
            raise
        finally:
            self.store.let_go(key)

    def _failed(self, error: BaseException, key: str, sent: float, worst: int) -> None:
        """Settles the reservation of a call without a reply, at its possible cost."""
        reason, unsure = "stopped while in flight", sent > 0
        if isinstance(error, TeacherError):
            reason, unsure = "refused", False
        elif isinstance(error, _Failure):
            reason, unsure = error.reason, error.unsure
            if error.limited and error.wait:
                self.gate.refused(sent, error.wait)
        self.store.fail(key, reason, unsure=worst if unsure else 0)

    async def _call(self, request: Request) -> Any:
        """The endpoint's JSON; every way in which that can fail becomes a Failure, or an error that stops the run."""
        limit = "max_completion_tokens" if self.openai_like else "max_tokens"
        try:
            # The SDK's plain post: its typed `create` spends a third of its time on checking what Request already is.
            structured = self.structured
            body = request.body(self.model, structured, limit)
            response = await self.client.post("/chat/completions", cast_to=httpx2.Response, body=body)
            return json.loads(response.content)
        except openai.APIConnectionError as error:
            raise _unconnected(error) from None
        except openai.APIStatusError as error:
            message = " ".join(self._without_key(str(error)).split())
            with_schema = bool(request.schema and structured)
            raise self._refusal(error.status_code, error.response.headers, message, with_schema) from None
        except (ValueError, RecursionError):
            raise _Failure("truncated JSON", unsure=True) from None

    def _refusal(self, status: int, headers: Any, message: str, structured: bool) -> Exception:
        """The failure of the row, or the error that stops the run, for an HTTP error."""
        if status == 429 and "insufficient_quota" not in message:
            return _Failure("429 too many requests", limited=True, wait=_retry_after(headers) or 1.0)
        if status >= 500 or status in (408, 409):
            return _Failure(f"{status} from the endpoint", wait=_retry_after(headers))
        if status in (401, 402, 403, 404, 429):
            return TeacherError(f"{self._where} refuses model {self.model!r}: {message[:300]}")
        if structured and any(word in message for word in ("response_format", "json_schema")):
            self.structured = False
            return _Failure("no structured output here; asked without", limited=True, wait=0.0)
        return _Failure(f"{status}: {message[:200]}", retry=False)

    def _attempts(self, failure: _Failure) -> int:
        """Fewer attempts where the endpoint was never reached, so that the error comes soon."""
        return _ATTEMPTS if self.replied or failure.reason != "cannot connect" else 4

    def pause(self, failure: _Failure, failures: int) -> float:
        """Seconds to wait: as the endpoint says, else longer after each failure, with random jitter."""
        if failure.wait is not None:
            return failure.wait
        return min(8.0, 0.25 * 2.0**failures) * random.uniform(0.5, 1.0)

    def _give_up(self, failure: _Failure) -> str:
        """The problem of the row; raises TeacherError if the endpoint never replied, as all rows would fail alike."""
        if failure.reason == "cannot connect" and not self.replied:
            raise TeacherError(
                f"{self._where} cannot be reached: is it running, and is the address right? Nothing was spent on it."
            )
        return failure.reason

    async def _keep(self, request: Request, key: str, reply: Reply, seconds: float) -> None:
        """Stores a paid reply; waits for room on the disk if there is none."""
        until, warned = time.monotonic() + _DISK_SECONDS, False
        while True:
            try:
                return self.store.keep(key, reply, model=self.model, request=vars(request), seconds=seconds)
            except sqlite3.OperationalError as error:
                if time.monotonic() > until:
                    raise _StoreFull(
                        f"{self.store.path} cannot be written ({error}): the last replies are lost, all before are stored."
                    ) from None
                if not warned:
                    tqdm.write(f"{self.store.path} cannot be written ({error}): a paid reply waits; make room on the disk.")
                warned = True
                await asyncio.sleep(1.0)

    @property
    def _where(self) -> str:
        return self._without_key(self.base_url or "https://api.openai.com/v1")

    def _without_key(self, message: str) -> str:
        """The message without the API key, which errors of endpoints often repeat; no notebook, log or store may hold it."""
        return message.replace(self.key, "[key]") if self.key else message


def _unconnected(error: openai.APIConnectionError) -> _Failure:
    """The failure behind a connection error, from the error of aiohttp: the SDK does not tell a dropped connection from none."""
    causes: list[BaseException] = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    never_made = (aiohttp.ClientConnectorError, aiohttp.InvalidURL, aiohttp.ConnectionTimeoutError)
    if any(isinstance(cause, never_made) for cause in causes):
        return _Failure("cannot connect")
    return _Failure("timeout" if any(isinstance(cause, TimeoutError) for cause in causes) else "connection lost", unsure=True)


def _retry_after(headers: Any) -> float | None:
    """The seconds of the header `retry-after`; None if it has no positive number."""
    try:
        seconds = float(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return min(seconds, _PATIENCE_SECONDS) if seconds > 0 else None
