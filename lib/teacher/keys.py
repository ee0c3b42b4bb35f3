"""The key of an endpoint comes from the environment or .env only; no notebook, log, store or error holds it."""

import os
import re
from urllib.parse import parse_qs, urlsplit

from dotenv import dotenv_values

from lib.core import paths

_SECRET = re.compile("key|token|secret|password|signature", re.IGNORECASE)


def api_key() -> str | None:
    """OPENAI_API_KEY, from the environment or .env; a line break at its end is no part of it."""
    stated = os.environ.get("OPENAI_API_KEY") or dotenv_values(paths.ROOT / ".env").get("OPENAI_API_KEY") or ""
    key = stated.strip()
    if not re.fullmatch("[!-~]*", key):
        raise ValueError("OPENAI_API_KEY holds a space, a line break or a letter outside ASCII, as no key does: copy it again.")
    return key or None


def check_address(base_url: str | None) -> None:
    """Refuses an address with a key in it: notebooks and artefacts keep the address."""
    place = urlsplit(base_url or "")
    if "@" in place.netloc or any(map(_SECRET.search, parse_qs(place.query))):
        raise ValueError(
            "The endpoint's address (base_url or OPENAI_BASE_URL) holds a name, password or key, and would be kept in notebooks: "
            "put the key into OPENAI_API_KEY."
        )
