"""A small OpenAI-compatible endpoint on loopback, for tests and benchmarks: it answers after a delay and fails on order.

`python tests/endpoint.py --delay 0.1 --refuse 0.05 --break 0.05 --malform 0.05` prints its port and serves until its
standard input closes. In a test, `serving(answer)` runs it in a thread with an answer function of the test's own.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

USAGE = {"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70}
RESET = object()
"""An answer function returns this to have the connection dropped without a word."""


def completion(text: str | None, finish: str = "stop", usage: dict[str, int] | None = USAGE, **message: Any) -> dict[str, Any]:
    """The body of an ordinary chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}


@dataclass
class Served:
    """A running endpoint: where it is, and what it was asked."""

    port: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    """What it says of itself, by path: {"/v1/models": {...}}."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


Answer = Callable[[dict[str, Any], int], Any]
"""(request body, number of the call) -> body | (status, body) | (status, body, headers) | RESET, or an awaitable of one;
or an async generator of the bytes to send, from the first line of the response on."""


async def serve(answer: Answer, delay: float, served: Served, keep: bool = True) -> asyncio.Server:
    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:])}
                body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
                method, path = head[0].split(" ")[:2]
                if method == "GET":  # Not a call: it asks about the server, and this one may say nothing.
                    about = json.dumps(served.about.get(path, {})).encode()
                    status = 200 if path in served.about else 404
                    writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(about)}\r\n\r\n".encode() + about)
                    continue
                number = len(served.times)
                served.times.append(asyncio.get_running_loop().time())
                if keep:
                    served.bodies.append(body)
                    served.headers.append(headers)
                await asyncio.sleep(delay)
                result = answer(body, number)
                if asyncio.iscoroutine(result):
                    result = await result
                if result is RESET:
                    break
                if isinstance(result, AsyncGenerator):
                    async for piece in result:
                        writer.write(piece)
                        await writer.drain()
                    continue
                status, content, extra = (*result, {})[:3] if isinstance(result, tuple) else (200, result, {})
                payload = content if isinstance(content, bytes) else json.dumps(content).encode()
                lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(payload)}"]
                lines += [f"{k}: {v}" for k, v in extra.items()]
                writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, backlog=1024)
    served.port = server.sockets[0].getsockname()[1]
    return server


@contextlib.contextmanager
def serving(answer: Answer, delay: float = 0.0) -> Iterator[Served]:
    """An endpoint in a thread of this process."""
    served, ready, loop = Served(), threading.Event(), asyncio.new_event_loop()

    async def start() -> None:
        await serve(answer, delay, served)
        ready.set()

    def run() -> None:
        loop.create_task(start())
        loop.run_forever()
        loop.set_exception_handler(lambda *_: None)  # What is cut off here is no news.
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


def with_faults(refuse: float, fail: float, malform: float, retry_after: str) -> Answer:
    """Answers that are refused (429), fail (500) or come malformed at the given rates."""
    luck = random.Random(0)

    def answer(body: dict[str, Any], number: int) -> Any:
        draw = luck.random()
        if draw < refuse:
            return 429, {"error": {"message": "slow down"}}, {"retry-after": retry_after}
        if draw < refuse + fail:
            return 500, {"error": {"message": "broken"}}
        return completion("I am sorry, here is no JSON" if draw < refuse + fail + malform else '{"label": "sports"}')

    return answer


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("delay", "refuse", "break", "malform"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    parser.add_argument("--retry-after", default="0.1")
    options = vars(parser.parse_args())

    async def run() -> None:
        served = Served()
        answer = with_faults(options["refuse"], options["break"], options["malform"], options["retry_after"])
        await serve(answer, options["delay"], served, keep=False)
        print(served.port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        print(len(served.times), flush=True)

    asyncio.run(run())


if __name__ == "__main__":
    main()
