"""The example sets from elsewhere that a study names, and its data, read before anything is paid."""

from collections.abc import Iterator

from lib.core.example_sets import Given, example_sets
from lib.core.tasks import Card, checked_rows, load_rows
from lib.study.schema import Study, most_raw, plans_of, studies_by_task


def given_sets(own: Study) -> list[Given]:
    """The study's sets from elsewhere, in the form of the parameter `examples` of 03 and 04."""
    return [{"method": name, **own_set.model_dump(exclude_none=True)} for name, own_set in own.sets.items()]


def check_data(study: Study, teacher: str | None = None) -> None:
    """Reads the local data of every task, so that a mistake in them is found before the teacher, the study's own or another one,
    is paid."""
    for card, own in studies_by_task(study).values():
        source = card.sources[own.source or card.default_source]
        for split in ("train", "test") if source.files else ():
            list(checked_rows(card, source, split))
        if source.files:
            most, other = most_raw(own), own.generation.raw_source
            shown = load_rows(card, "train", other)[:most] if other and own.generation.methods else None
            raw = load_rows(card, "train", own.source)[:most]
            plans_of(card, own, raw, shown=shown, teacher=teacher or study.teacher)
        if own.sets:
            example_sets(card, given_sets(own), own.source)


def pool_lines(study: Study) -> list[str]:
    """How many human examples each task has to learn from, of local data, and what of the study there are too few examples
    for."""
    lines = list[str]()
    for card, own in studies_by_task(study).values():
        if card.sources[own.source or card.default_source].files:
            lines += _pool(card, own)
        lines += _too_few_made(card, own)
    return lines


def _too_few_made(card: Card, own: Study) -> Iterator[str]:
    """Names the synthetic sizes that no set of 01 and 02 can fill, where there are no other sets."""
    written = [own.at(name).generation.n for name in own.written_sets.values()]
    most = max([*written, *(n for _, n in own.labeled_sets)], default=0)
    beyond = [f"{size:,}" for size in own.sizes.synthetic if size > most]
    if most and beyond and not own.sets:
        sizes = ", ".join(beyond)
        yield f"{card.name}: sets of 01 and 02 have at most {most:,} examples. Sizes beyond that are in no mix: {sizes}."


def _pool(card: Card, own: Study) -> Iterator[str]:
    dev = own.training.human_dev
    pool = len(load_rows(card, "train", own.source)) - dev
    beside = f" beside the {dev} that choose the best epoch" if dev else ""
    yield f"{card.name}: {pool} human examples to learn from{beside}.{_left_out(own, pool, 'are in no mix')}"
    if cut := _cut_budgets(card, own, pool):
        yield cut
    if labeled := max((min(n, pool) for _, split, n in own.labeling.parts if split == "train"), default=0):
        others = pool - labeled
        yield (
            f"{card.name}: the teacher labels the first {labeled} of them. Mixes with its labels draw human examples "
            f"from the other {others}.{_left_out(own, others, 'are in no such mix')}"
        )


def _left_out(own: Study, pool: int, consequence: str) -> str:
    """Names the human sizes that a pool does not hold."""
    beyond = [f"{size:,}" for size in own.sizes.human if size > pool]
    return f" Sizes beyond that {consequence}: {', '.join(beyond)}." if beyond else ""


def _cut_budgets(card: Card, own: Study, pool: int) -> str:
    """Which budgets buy more human examples than a pool holds, so that the rest of the money buys nothing."""
    price, most = own.budgets.human_price or card.human_price.dollars, 1 - min(own.budgets.shares, default=1)
    cut = [budget for budget in own.budgets.budgets if budget * most / price >= pool + 1]
    if not cut:
        return ""
    return (
        f"{card.name}: {len(cut)} of {len(own.budgets.budgets)} budgets (from ${min(cut):,g} on) would buy up to "
        f"{int(max(cut) * most / price):,} human examples, but there are {pool:,}: their mixes are cut to these, hollow points "
        "in 05."
    )
