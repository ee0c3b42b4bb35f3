"""A teacher at an OpenAI-compatible endpoint: OpenAI, Azure, vLLM, Ollama, llama.cpp and others.

The openai SDK makes the calls, on its aiohttp transport. This module decides when a call may start, what a failure means (wait,
try again, give the row up, or stop) and what it may have cost.
"""

import asyncio
import json
import random
import re
import sqlite3
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from functools import cache
from typing import Any, TypeVar

import aiohttp
import httpx2
import openai
from tqdm import tqdm

from lib.core.pricing import TokenPrice
from lib.teacher.client import OVER_CAP, Request, Teacher, TeacherError
from lib.teacher.dialect import Dialect
from lib.teacher.identity import identity
from lib.teacher.keys import api_key
from lib.teacher.ledger import STALE_SECONDS, Busy, OverCap, Reply, Store
from lib.teacher.pace import Clock, Gate, Pace
from lib.teacher.parsing import CUT_THINKING, read_completion
from lib.teacher.settings import Calls

_TIMEOUTS = 3
"""How often a call that gets no reply in time is made: each may be billed."""
_CONNECT_SECONDS = 20.0
_ABOUT_SECONDS = 30.0
"""How long a server may take to say what it serves."""
_SILENT_SECONDS = 60.0
"""After so long without a first reply, the run says that it waits."""
_PATIENCE_SECONDS = 600.0
"""How long one row waits in all for an endpoint that says 429."""
_DISK_SECONDS = 60.0
"""How long a paid reply waits in memory for room on the disk."""
_CALLS = Calls()
_T = TypeVar("_T")


@cache
def _certificates() -> ssl.SSLContext:
    """The trusted certificates; cached, as reading them takes 20 ms."""
    return httpx2.create_ssl_context()


class _Failure(Exception):
    """A call without a reply. `unsure`: it may have been billed. `wait`: seconds to wait, if the endpoint names them.
    `always`: what is wrong with an endpoint that never replied, as every row would fail alike."""

    def __init__(
        self,
        reason: str,
        *,
        unsure: bool = False,
        retry: bool = True,
        limited: bool = False,
        wait: float | None = None,
        always: str | None = None,
    ):
        super().__init__(reason)
        self.reason, self.unsure, self.retry, self.limited, self.wait, self.always = reason, unsure, retry, limited, wait, always


class _Timeout(_Failure):
    """The endpoint has not answered in time."""

    def __init__(self) -> None:
        late = "has not answered in time: is its model loaded? `timeout` says how many seconds a call is given."
        super().__init__("timeout", unsure=True, always=late)


class _StoreFull(TeacherError):
    """A paid reply could not be stored; its reservation stays, and counts as its possible cost."""


class Endpoint(Teacher):
    """Calls an endpoint; each reply is stored before it is used."""

    def __init__(self, model: str, price: TokenPrice, *, store: Store, base_url: str | None, calls: Calls = _CALLS):
        super().__init__(model, price, pays=True)
        self.store, self.base_url, self.key = store, base_url, api_key()
        self.in_flight, self.retries = calls.in_flight, calls.retries
        self.pace = Pace(calls.in_flight, calls.timeout)
        if not self.key and not base_url:
            raise TeacherError(f"Teacher {model!r} needs a key: put OPENAI_API_KEY into the environment or .env.")
        openai_like = base_url is None or "openai.com" in base_url or "azure.com" in base_url
        self.dialect = Dialect(model, openai_like=openai_like)
        self.replied = self.told = self.answered = False
        """Whether there was a reply, whether somebody was told of replies without a server, whether a reply held an answer."""
        self.served_by: str | None = None
        self.unnamed: set[str] = set()
        self.gate: Gate
        self.clock = Clock()
        self.client: openai.AsyncOpenAI

    def close(self) -> None:
        self.store.close()

    def failures_of(self, request: Request) -> list[tuple[str, int]]:
        return self.store.failures_of(self._key(request))

    def _key(self, request: Request) -> str:
        """Under which a reply is stored: by request and model, and by the server that answers. A reply that is stored without a
        server (by batch files, or by a version that kept none) is taken, and counted."""
        plain = request.key(self.model)
        key = request.key(self._stored_as)
        if key == plain or self.store.find(key) or not self.store.find(plain):
            return key
        self.unnamed.add(plain)
        return plain

    @property
    def _stored_as(self) -> str:
        return f"{self.model} at {self.served_by}" if self.served_by else self.model

    async def identity(self) -> str | None:
        """What answers: weights or an address; None where the model's name says it all."""
        return await identity(self.base_url, self.model, self._get)

    async def _get(self, url: str) -> Any:
        """What the server says there, as JSON; None if it says nothing."""
        try:
            async with asyncio.timeout(_ABOUT_SECONDS):
                response = await self.client.get(url, cast_to=httpx2.Response)
            return json.loads(response.content)
        except (openai.APIError, aiohttp.ClientError, TimeoutError, ValueError, RecursionError):
            return None

    def finish(self, title: str) -> None:
        if self.unnamed and not self.told:
            tqdm.write(
                f"{len(self.unnamed)} replies are stored without their server (by batch files or an earlier version): if "
                f"{self.model!r} was another model then, say another `store`."
            )
            self.told = True

    async def session(self, work: Callable[[], Awaitable[_T]]) -> _T:
        self.gate = Gate()
        self.pace.begin()
        loop = asyncio.get_running_loop()
        beat, silent = loop.create_task(self._keep_beating()), loop.call_later(_SILENT_SECONDS, self._say_if_silent)
        timeout = httpx2.Timeout(None, connect=_CONNECT_SECONDS)  # The pace says how long a call may take in all.
        # A redirect is said, not followed: texts and key go to the address that was named.
        http = openai.DefaultAioHttpClient(timeout=timeout, verify=_certificates(), follow_redirects=False)
        try:
            # Retries are made here, where they are counted and priced, so the SDK makes none.
            async with openai.AsyncOpenAI(
                api_key=self.key or "none", base_url=self.base_url, max_retries=0, timeout=timeout, http_client=http
            ) as self.client:
                if self.served_by is None:
                    self.served_by = await self.identity()
                return await work()
        finally:
            beat.cancel()
            silent.cancel()

    def turn(self) -> AbstractAsyncContextManager[None]:
        return self.pace.slot()

    def _say_if_silent(self) -> None:
        if not self.replied:
            tqdm.write(f"{self._where} has not answered yet; a call is given {self.pace.timeout:.0f} seconds (`timeout`).")

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(STALE_SECONDS / 4)
            with suppress(sqlite3.OperationalError):  # A full disk may have room again at the next beat.
                self.store.beat()
                self.store.bury_the_dead()  # Otherwise a row would wait for ever for the reservation of a dead process.

    async def fetch(self, request: Request) -> Reply | str:
        try:
            reply = await self._fetch_patiently(request)
        except sqlite3.DatabaseError as error:
            raise TeacherError(f"{self.store.path} cannot be written ({error}); what was paid for before is stored.") from None
        self._check_room(reply)
        return reply

    def _check_room(self, reply: Reply | str) -> None:
        """Stops a run whose first replies end before their answer, as a model that thinks was given no room for it."""
        if isinstance(reply, str):
            return
        if reply.problem != CUT_THINKING:
            self.answered = True
        elif not self.answered and not self.reasoning_tokens:
            raise TeacherError(
                f"{self.model!r} thinks before it answers, and a reply ended before its answer: say how many tokens thinking may "
                "take, as in `reasoning_tokens: 4000` (a study) or `access: {reasoning_tokens: 4000}` (01 and 02)."
            )

    async def _fetch_patiently(self, request: Request) -> Reply | str:
        key, failures, waited = self._key(request), 0, 0.0
        worst = self.price.nanodollars(request.worst(), self.pace.timeout)
        while True:
            try:
                return await self._reserve(key, worst) or await self._paid_call(request, key, worst)
            except OverCap:
                return OVER_CAP
            except _Failure as failure:
                failures += not failure.limited
                wait = self.pause(failure, failures)
                waited += wait
                if not failure.retry or failures > self._retries(failure) or waited > _PATIENCE_SECONDS:
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
            self.clock.start(key)
            text, problem, usage = read_completion(await self._call(request))
            self.gate.replied(sent)
            self.pace.replied(time.monotonic() - sent)
            self.replied = True
            cost = self.price.nanodollars(usage, self.clock.seconds(key)) if usage else worst
            reply = Reply(text, problem, usage or request.worst(), cost)
            await self._keep(request, key, reply, time.monotonic() - sent)
            return reply
        except _StoreFull:
            raise
        except BaseException as error:
            self._failed(error, key, sent, worst)
            raise
        finally:
            self.clock.stop(key)
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
            if isinstance(error, _Timeout):
                self.pace.timed_out(sent)
        self.store.fail(key, reason, unsure=worst if unsure else 0)

    async def _call(self, request: Request) -> Any:
        """The endpoint's JSON; every way in which that can fail becomes a Failure, or an error that stops the run."""
        try:
            # The SDK's plain post: its typed `create` spends a third of its time on checking what Request already is.
            body = self.dialect.body(request)
            async with asyncio.timeout(self.pace.timeout):
                response = await self.client.post(request.path, cast_to=httpx2.Response, body=body)
            # A reply may repeat what it was sent, key and all; one wrong byte does not spoil what was paid for.
            return json.loads(self._without_key(response.content.decode("utf-8-sig", "replace")))
        except TimeoutError:
            raise _Timeout from None
        except (openai.APIConnectionError, aiohttp.ClientError) as error:  # The SDK lets some of aiohttp's through.
            raise _unconnected(error) from None
        except openai.APIStatusError as error:
            message = _plain(self._without_key(str(error)))
            raise self._refusal(error.status_code, error.response.headers, message, json.dumps(body)) from None
        except (ValueError, RecursionError):
            raise _Failure("truncated JSON", unsure=True) from None

    def _refusal(self, status: int, headers: Any, message: str, sent: str) -> Exception:
        """The failure of the row, or the error that stops the run, for an HTTP error to the body that was sent."""
        if status == 429 and "insufficient_quota" not in message:
            return _Failure("429 too many requests", limited=True, wait=_retry_after(headers) or 1.0)
        if status >= 500 or status in (408, 409):
            return _Failure(f"{status} from the endpoint", wait=_retry_after(headers))
        if 300 <= status < 400:
            target = self._without_key(headers.get("location", "elsewhere"))[:200]
            return TeacherError(f"{self._where} redirects to {target}: if that is right, name it as the address (base_url).")
        if status in (401, 402, 403, 404, 429):
            return TeacherError(f"{self._where} refuses model {self.model!r}: {message[:300]}")
        if changed := self.dialect.adapt(message, sent):
            return _Failure(changed, limited=True, wait=0.0)
        return _Failure(f"{status}: {message[:200]}", retry=False)

    def _retries(self, failure: _Failure) -> int:
        """Fewer after a timeout, and where the endpoint never replied, so that the error comes soon."""
        most = _TIMEOUTS - 1 if isinstance(failure, _Timeout) else self.retries
        return min(self.retries, most // 2 if failure.always and not self.replied else most)

    def pause(self, failure: _Failure, failures: int) -> float:
        """Seconds to wait: as the endpoint says, else longer after each failure, with random jitter."""
        if failure.wait is not None:
            return failure.wait
        return min(8.0, 0.25 * 2.0**failures) * random.uniform(0.5, 1.0)

    def _give_up(self, failure: _Failure) -> str:
        """The problem of the row; raises TeacherError if the endpoint never replied, as all rows would fail alike."""
        if self.replied or not failure.always:
            return failure.reason
        raise TeacherError(f"{self._where} {failure.always}")

    async def _keep(self, request: Request, key: str, reply: Reply, seconds: float) -> None:
        """Stores a paid reply; waits for room on the disk if there is none."""
        until, warned = time.monotonic() + _DISK_SECONDS, False
        while True:
            try:
                return self.store.keep(key, reply, model=self._stored_as, request=request.as_row(), seconds=seconds)
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


def _unconnected(error: Exception) -> _Failure:
    """The failure behind a connection error, from the error of aiohttp: the SDK does not tell a dropped connection from none."""
    causes: list[BaseException] = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    never_made = (aiohttp.ClientConnectorError, aiohttp.InvalidURL, aiohttp.ConnectionTimeoutError)
    if any(isinstance(cause, never_made) for cause in causes):
        down = "cannot be reached: is it running, and is the address right? Nothing was spent on it."
        return _Failure("cannot connect", always=down)
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return _Timeout()
    return _Failure("connection lost", unsure=True, always="drops every connection: is the address right, http or https?")


def _plain(message: str) -> str:
    """An error's message as one line, without the tags of a page."""
    return " ".join(re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", message, flags=re.DOTALL | re.IGNORECASE).split())


def _retry_after(headers: Any) -> float | None:
    """The seconds of the header `retry-after`; None if it has no positive number."""
    try:
        seconds = float(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return min(seconds, _PATIENCE_SECONDS) if seconds > 0 else None
