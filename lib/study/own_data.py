"""The example sets from elsewhere that a study names, and its data, read before anything is paid."""

from lib.core.example_sets import Given, example_sets
from lib.core.tasks import checked_rows, load
from lib.study.schema import Study, plans_of, studies_by_task


def given_sets(own: Study) -> list[Given]:
    """The study's sets from elsewhere, in the form of the parameter `examples` of 03 and 04."""
    return [{"method": name, **own_set.model_dump()} for name, own_set in own.sets.items()]


def check_data(study: Study) -> None:
    """Reads the local data of every task, so that a mistake in them is found before the teacher is paid."""
    for card, own in studies_by_task(study).values():
        source = card.sources[own.source or card.default_source]
        for split in ("train", "test") if source.files else ():
            list(checked_rows(card, source, split))
        if source.files:
            plans_of(card, own, load(card, "train", own.source).to_list()[: own.raw])
        if own.sets:
            example_sets(card, given_sets(own), own.source)
