"""What the tests of mistakes share."""

from collections.abc import Callable

import pytest


def refused(action: Callable[[], object], *said: str) -> None:
    """The mistake is one sentence, and it says what was wrong and where."""
    with pytest.raises(ValueError) as caught:
        action()
    for part in said:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, UnicodeError)
