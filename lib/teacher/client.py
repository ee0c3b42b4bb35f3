"""The teacher: a language model that writes or labels, however it is reached.

It takes requests and returns one answer for each. A request is sent again until its reply is usable; the answer holds all these
replies and their cost, so no row is lost and none is paid for twice.
"""

import asyncio
import hashlib
import json
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

from lib.core.pricing import TokenPrice, Usage, dollars
from lib.core.progress import Bar
from lib.teacher.ledger import Reply
from lib.teacher.parsing import CUT, is_cut

OVER_CAP = "over the dollar limit"
PENDING = "waiting for a batch"
OPTIONAL = ("seed", "minItems", "response_format", "temperature", "top_p")
"""What a call is made without where an endpoint refuses it."""
TRIES = 5
"""How often one request is sent until its reply is usable; each malformed reply is paid for, too."""
_SETTLE_SECONDS = 1.5
"""How long an interrupted cell waits for the calls under way to be settled; what takes longer goes on behind it."""
_T = TypeVar("_T")


class TeacherError(RuntimeError):
    """No more requests can be sent; the replies so far are stored."""


@dataclass(frozen=True)
class Request:
    """One call, exactly. Two equal requests are the same call; `sample` numbers intended repeats."""

    messages: list[dict[str, str]]
    schema: dict[str, Any] | None = None
    temperature: float | None = 1.0
    top_p: float | None = 1.0
    max_tokens: int = 1024
    sample: int = 0
    again: int = 0
    """The number of malformed replies before this attempt."""
    stop: str | None = None
    """A completion: the model continues the text of the only message, up to this string. None: it answers the messages (chat)."""
    choices: int = 1
    """How many continuations of the one text; the reply holds one a line."""
    least: dict[str, int] = field(default_factory=dict)
    """Items that lists of the schema must hold, by their names. An endpoint is told so; it is no part of the key."""
    grammar: str | None = None
    """How the text goes on, for llama.cpp, which alone is told so; it is no part of the key."""

    @property
    def completion(self) -> bool:
        return self.stop is not None

    @property
    def path(self) -> str:
        """Where an OpenAI-compatible endpoint takes it."""
        return "/completions" if self.completion else "/chat/completions"

    def key(self, model: str) -> str:
        exact = json.dumps(self.as_row() | {"model": model}, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(exact.encode()).hexdigest()[:32]

    def as_row(self) -> dict[str, Any]:
        """What makes it another request, as it is stored; the fields of a completion only where it is one."""
        left_out = {"least", "grammar"} if self.completion else {"least", "grammar", "stop", "choices"}
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def body(self, model: str, without: Collection[str] = (), limit: str = "max_tokens") -> dict[str, Any]:
        """The body of the call for an OpenAI-compatible endpoint, `without` the fields of OPTIONAL that it does not take. Each
        sample has its own seed, so that a server with a fixed one does not answer all alike."""
        sampling = {"temperature": self.temperature, "top_p": self.top_p, "seed": int(self.key("")[:7], 16)}
        body = {name: value for name, value in sampling.items() if value is not None and name not in without}
        schema = self.schema if not self.schema or "minItems" in without else _with_least(self.schema, self.least)
        form = _reply_form(schema) if schema and "response_format" not in without else {}
        if self.completion:
            return {"model": model, **self._continuation(), **body, **form, **({"json_schema": schema} if form else {})}
        return {"model": model, "messages": self.messages, limit: self.max_tokens, **body, **form}

    def _continuation(self) -> dict[str, Any]:
        several = {"n": self.choices} if self.choices > 1 else {}
        return {"prompt": self.messages[0]["content"], "max_tokens": self.max_tokens, "stop": [self.stop], **several}

    def with_room(self, tokens: int) -> "Request":
        """The request with so many more tokens, for a model that thinks before it answers; one that continues a text does not."""
        return self if self.completion or not tokens else replace(self, max_tokens=self.max_tokens + tokens)

    def worst(self) -> Usage:
        """More tokens than the call can use: a token covers at least one byte, and a chat template adds few."""
        schema = self.schema and _with_least(self.schema, self.least)
        text = json.dumps([self.messages, schema], ensure_ascii=False).encode()
        return Usage(len(text) + 16 * len(self.messages) + 64, self.max_tokens * self.choices)


def _reply_form(schema: dict[str, Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema}}}


def _with_least(schema: dict[str, Any], least: dict[str, int]) -> dict[str, Any]:
    """A schema of objects and lists that says how many items its lists must hold."""
    if "items" in schema:
        return schema | {"items": _with_least(schema["items"], least)}
    if "properties" not in schema:
        return schema
    properties = {name: _with_least(part, least) for name, part in schema["properties"].items()}
    for name in least.keys() & properties.keys():
        properties[name] = properties[name] | {"minItems": least[name]}
    return schema | {"properties": properties}


class Answer(NamedTuple):
    """The result of a request: the accepted text or the problem, and all its replies and failed calls.

    A Reply (lib/teacher/ledger.py) is the result and the cost of one call, an Answer that of all calls for one request.
    """

    request: Request
    text: str | None
    problem: str | None
    replies: list[tuple[Request, Reply]] = []
    failures: list[tuple[str, int]] = []

    @property
    def cut(self) -> str:
        """How the accepted reply ended before its JSON did; empty if it did not."""
        if not is_cut(self.text or ""):
            return ""
        return CUT if self.replies and self.replies[-1][1].problem == CUT else "reply cut off"


@dataclass
class Bill:
    """The cost of a set of answers, and the problems by reason."""

    requests: int = 0
    replies: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    nanodollars: int = 0
    unsure_nanodollars: int = 0
    problems: Counter[str] = field(default_factory=Counter)

    def add(self, answers: Iterable[Answer]) -> "Bill":
        for answer in answers:
            self.requests += 1
            self.replies += len(answer.replies)
            self.tokens_in += sum(reply.usage.input for _, reply in answer.replies)
            self.tokens_out += sum(reply.usage.output for _, reply in answer.replies)
            self.nanodollars += sum(reply.nanodollars for _, reply in answer.replies)
            self.unsure_nanodollars += sum(unsure for _, unsure in answer.failures)
            self.problems.update(_problems_of(answer))
        return self

    def summary(self) -> dict[str, Any]:
        counts = {"requests": self.requests, "replies": self.replies}
        tokens = {"tokens_in": self.tokens_in, "tokens_out": self.tokens_out}
        money = {"dollars": dollars(self.nanodollars), "unsure_dollars": dollars(self.unsure_nanodollars)}
        return counts | tokens | money | {"problems": dict(self.problems)}


def _problems_of(answer: Answer) -> list[str]:
    """The reason of each unused reply, of each failed call, and why no call was made."""
    unsent = [answer.problem] if answer.problem in (OVER_CAP, PENDING) else []
    return [*(reason for reason, _ in lost_calls_of(answer)), *unsent]


def lost_calls_of(answer: Answer) -> list[tuple[str, int]]:
    """Reason and nanodollars of each call that brought nothing to use; a failed call counts with what it may have cost."""
    unused = answer.replies[: None if answer.text is None else -1]
    return [*((reply.problem or "malformed", reply.nanodollars) for _, reply in unused), *answer.failures]


class Progress(NamedTuple):
    """A bar, and the bill beside it: of one call of `ask`, or of several that belong together."""

    bar: Bar
    bill: Bill


def accept_anything(text: str) -> str | None:
    return None


class Teacher(ABC):
    """The common part of all teachers: numbered samples, repeats after malformed replies, progress, the bill."""

    in_flight = 64
    money_note = ""
    """What is said beside dollars that nobody pays."""
    reasoning_tokens = 0
    """Room in each reply for what the model thinks before it answers."""

    def __init__(self, model: str, price: TokenPrice, *, pays: bool):
        self.model, self.price, self.pays = model, price, pays

    @abstractmethod
    async def fetch(self, request: Request) -> Reply | str:
        """One reply, or why there is none."""

    def failures_of(self, request: Request) -> list[tuple[str, int]]:
        return []

    def close(self) -> None:  # noqa: B027 (not abstract: recordings hold nothing open)
        """Closes files and connections."""

    def finish(self, title: str) -> None:  # noqa: B027
        """Runs after each `ask`; batch files are written here."""

    async def session(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Surrounds all fetching of one `ask`; an endpoint opens its connections here."""
        return await work()

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Surrounds all calls for one request; an endpoint waits here while enough are in flight."""
        return nullcontext()

    def highest_cost(self, request: Request) -> int:
        """Nanodollars of a request at its worst, in all its tries."""
        return TRIES * self.price.nanodollars(request.with_room(self.reasoning_tokens).worst())

    @contextmanager
    def progress(self, title: str, replies: int) -> Iterator[Progress]:
        with Bar(total=replies, desc=title, unit="reply") as bar:
            yield Progress(bar, Bill())

    def ask(
        self,
        requests: Sequence[Request],
        accept: Callable[[str], str | None] = accept_anything,
        title: str = "asking",
        progress: Progress | None = None,
    ) -> list[Answer]:
        """One answer for each request, in order. `accept` returns the problem of a text, or None if it is usable. Calls that get
        the same `progress` share one bar."""
        numbered = number_samples([request.with_room(self.reasoning_tokens) for request in requests])
        with nullcontext(progress) if progress else self.progress(title, len(numbered)) as progress:
            fetching = partial(self._answer_all, numbered, accept, progress)
            answers = _run_in_thread(partial(self.session, fetching))
        self.finish(title)
        return answers

    async def _answer_all(self, requests: list[Request], accept: Callable[[str], str | None], progress: Progress) -> list[Answer]:
        answers: dict[int, Answer] = {}
        queue, errors = iter(enumerate(requests)), list[TeacherError]()

        async def work() -> None:
            for number, request in queue:
                async with self.turn():
                    if errors:  # The other workers finish their calls, and start no new ones.
                        return
                    try:
                        answers[number] = await self._answer(request, accept)
                    except TeacherError as error:
                        errors.append(error)
                        return
                progress.bill.add([answers[number]])
                progress.bar.set_postfix_str(self._money(progress.bill), refresh=False)
                progress.bar.update()

        await asyncio.gather(*(work() for _ in range(min(self.in_flight, len(requests)))))
        if errors:
            raise errors[0]
        return [answers[number] for number in range(len(requests))]

    async def _answer(self, request: Request, accept: Callable[[str], str | None]) -> Answer:
        """Sends the request until a reply is usable; the answer and the bill hold all replies."""
        replies: list[tuple[Request, Reply]] = []
        failures: list[tuple[str, int]] = []
        problem: str | None = None
        for again in range(TRIES):
            attempt = replace(request, again=again)
            reply = await self.fetch(attempt)
            failures += self.failures_of(attempt)
            if isinstance(reply, str):
                return Answer(request, None, problem or reply, replies, failures)
            problem = _problem_of(reply, accept)
            replies.append((attempt, reply._replace(problem=problem or reply.problem)))
            if problem is None:
                return Answer(request, reply.text, None, replies, failures)
        return Answer(request, None, problem, replies, failures)

    def _money(self, bill: Bill) -> str:
        return f"${dollars(bill.nanodollars):.4f}{self.money_note}"


def _problem_of(reply: Reply, accept: Callable[[str], str | None]) -> str | None:
    """Why a reply cannot be used. One that was cut can, if enough of it is whole."""
    if reply.problem == CUT:
        return CUT if accept(reply.text) else None
    return reply.problem or accept(reply.text)


def number_samples(requests: Sequence[Request], seen: Counter[str] | None = None) -> list[Request]:
    """Numbers equal requests as samples 0, 1, 2 ...; several rounds that share `seen` are numbered as one."""
    seen = Counter() if seen is None else seen
    numbered = []
    for request in requests:
        key = request.key("")
        numbered.append(replace(request, sample=request.sample + seen[key]))
        seen[key] += 1
    return numbered


def _run_in_thread(work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Runs a coroutine in a thread of its own, because a notebook's kernel already runs a loop in this one.

    An interrupt, or any other error in the waiting thread, cancels the work and waits until its calls are settled.
    """
    loop, ended = asyncio.new_event_loop(), threading.Event()
    tasks: list[asyncio.Task[_T]] = []  # One, once the thread has started.
    thread = threading.Thread(target=_run_loop, args=(loop, work, tasks, ended), name="run_in_thread", daemon=True)
    try:
        thread.start()
        ended.wait()  # Not join(): a thread whose join was interrupted is taken for ended (Python 3.11).
    except BaseException:
        _cancel(loop, tasks, ended)
        raise
    return tasks[0].result()


def _run_loop(
    loop: asyncio.AbstractEventLoop,
    work: Callable[[], Coroutine[Any, Any, _T]],
    tasks: "list[asyncio.Task[_T]]",
    ended: threading.Event,
) -> None:
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:  # It also ends what the work leaves behind.
            tasks.append(loop.create_task(work()))
            runner.run(asyncio.wait(tasks))
    finally:
        ended.set()


def _cancel(loop: asyncio.AbstractEventLoop, tasks: "list[asyncio.Task[_T]]", ended: threading.Event) -> None:
    """Cancels the work, and waits for its end, but no longer than SETTLE_SECONDS; a second interrupt does not cut this short."""
    with suppress(RuntimeError):  # The loop has ended.
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
    until = time.monotonic() + _SETTLE_SECONDS
    while not ended.is_set() and time.monotonic() < until:
        with suppress(KeyboardInterrupt):
            ended.wait(0.05)
