"""What example sets are called: the method that wrote them, and what was done with them after."""

import re

STRATEGIES = ("fixed", "random", "contrastive", "similar", "tree")
"""The methods that begin from a seed example, of which there can be several."""
CORRECTED = "_corrected"
"""How a set ends whose labels the teacher corrected itself; it has the colour of the set before."""
START = re.compile(r"^(.+)_start_([1-9]\d{0,2})$")


def strategy_of(method: str) -> tuple[str, int]:
    """A method without its start, and which of the drawn seed examples that is: tree_start_2 is the tree from the second."""
    found = START.match(method)
    return (found[1], int(found[2])) if found and found[1] in STRATEGIES else (method, 1)


def is_strategy(method: str) -> bool:
    return strategy_of(method)[0] in STRATEGIES


REPHRASED = "_rephrased"
CHECKED = "_checked"
