"""Parts of synthetic sets whose words give less of the label away, to be trained on beside the whole sets."""

from collections.abc import Mapping, Sequence

from lib.core.artifacts import ExampleSet
from lib.core.controls import CONTROLS, too_few
from lib.core.tasks import Card


def with_controlled(card: Card, sets: Mapping[str, ExampleSet], *, names: Sequence[str], seed: int) -> dict[str, ExampleSet]:
    """Adds NAME_dropped and NAME_resampled for each named set, as far as enough is left of it. Their examples bear the cost of
    the whole set: all were paid for. With nothing to leave out, or too little left, a line says so."""
    result = dict(sets)
    for method in names:
        if method not in sets or not card.task_kind.fixed_labels:
            there = ", ".join(sets) or "none"
            raise ValueError(f"controlled: no set {method!r} with fixed labels is among the examples; there is {there}.")
        whole = sets[method]
        for step, control in CONTROLS.items():
            rows, name = control(card, whole.rows, seed), whole.name.after(step)
            lack = "no word tells a label" if len(rows) == len(whole.rows) else too_few(card, rows)
            if lack:
                print(f"No {name.key}: {lack}.")
            else:
                result[name.key] = whole._replace(name=name, rows=rows, price=whole.dollars / len(rows))
    return result
