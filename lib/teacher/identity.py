"""Whose replies an endpoint gives: the weights that it says it has loaded, else its address.

A server of one's own may serve other weights under the same model name, and the same weights at another port after each start.
"""

from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

Get = Callable[[str], Awaitable[Any]]
"""What a server says at an address, as JSON; None if it says nothing."""


async def identity(base_url: str | None, model: str, get: Get) -> str | None:
    """None for OpenAI, whose model names mean the same everywhere."""
    place = urlsplit(base_url or "")
    address = f"{place.netloc.rpartition('@')[2].lower()}{place.path.rstrip('/')}"
    if base_url is None or place.hostname == "api.openai.com":
        return None
    entry = _entry_of(await get(f"{base_url.rstrip('/')}/models"), model)
    root, size = entry.get("root"), _size_of(entry.get("meta"))
    if entry.get("owned_by") == "llamacpp" or size:
        said = await get(f"{place.scheme}://{place.netloc}/props")
        file = said.get("model_path") if isinstance(said, dict) else None
        return f"{PurePosixPath(str(file or root or entry.get('id'))).name} {size}".strip()
    return root if isinstance(root, str) and root else address


def _entry_of(listing: Any, model: str) -> dict[str, Any]:
    """The entry of a model in the answer of /v1/models; the only one, where a server serves one under any name."""
    data = listing.get("data") if isinstance(listing, dict) else None
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    named = [entry for entry in entries if entry.get("id") == model]
    return (named or (entries if len(entries) == 1 else []) or [{}])[0]


def _size_of(meta: Any) -> str:
    """Parameters and bytes of the weights, as llama.cpp counts them."""
    counts = {name: meta.get(name) for name in ("n_params", "size")} if isinstance(meta, dict) else {}
    return " ".join(f"{name}={count}" for name, count in counts.items() if isinstance(count, int))
