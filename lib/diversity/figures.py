"""The figures of notebook 03: each with its caption and its table, or with the reason why a task has none."""

from matplotlib.figure import Figure
from pandas import DataFrame

from lib.core.text import FALSE_DISCOVERIES, telling
from lib.diversity import (
    controls,
    coverage,
    drift,
    generations,
    label_shift,
    measures,
    outcomes,
    plots,
    representation,
    rewording,
    shortcuts,
    starts,
    stereotypes,
)
from lib.diversity.texts import TaskTexts, text_lengths
from lib.plotting import Drawing


def _drawing(texts: TaskTexts, name: str, figure: Figure, caption: str, *, table: DataFrame) -> Drawing:
    return Drawing(f"{name}_{texts.card.name}", figure, f"{texts.card.name}: {caption}", table)


def _no_drawing(texts: TaskTexts, name: str, reason: str, table: DataFrame | None = None) -> Drawing:
    return Drawing(f"{name}_{texts.card.name}", None, f"{texts.card.name}: no figure {name!r}: {reason}", table)


def yield_figure(texts: TaskTexts) -> Drawing:
    """The outcomes of the items that the teacher was paid for."""
    table = outcomes.outcome_shares(texts.written)
    if table.empty:
        return _no_drawing(texts, "yield", "no set tells what became of the items that were paid for.")
    if (table[table.share > 0].outcome == "kept").all():
        whole = table.drop_duplicates("set")
        prices = f"${whole.dollars_a_kept_one.min():.2g} to ${whole.dollars_a_kept_one.max():.2g}"
        reason = f"all {table['items'].sum()} items of {len(whole)} sets were kept, for {prices} each."
        return _no_drawing(texts, "yield", reason, table)
    caption = f"items by what became of them, and dollars for one kept example, rejected and failed ones included. {texts.note}"
    return _drawing(texts, "yield", plots.plot_outcomes(table), caption, table=table)


def measures_figure(texts: TaskTexts) -> Drawing:
    """How varied each set is, and how close to people."""
    replies = {name: measures.replies_of(rows) for name, rows in texts.equal.items()}
    table = measures.measure(texts.equal_texts, texts.anchors, embed=texts.embed, seed=texts.seed, replies=replies)
    table = measures.over_repeats(table)
    repeats = " and over repeats of a set, whose lowest and highest are small points" if "repeats" in table else ""
    caption = f"diversity of the examples, {texts.size_note}; 95% jackknife intervals over replies{repeats}. {texts.note}"
    return _drawing(texts, "diversity", plots.plot_measures(table), caption, table=table)


def starts_table(texts: TaskTexts, measured: DataFrame) -> Drawing:
    """How far the sets of a strategy from several seed examples differ, a table without a figure."""
    table = starts.spread_over_starts(measured, texts.written)
    told, tested = int((table.p < 0.05).sum()), int(table.p.notna().sum())
    caption = f"the seed example matters beyond chance (p < .05) in {told} of {tested} measures; one of twenty by chance alone."
    none = "no strategy began from several seed examples."
    return Drawing(f"starts_{texts.card.name}", None, f"{texts.card.name}: {none if table.empty else caption}", table)


def map_figure(texts: TaskTexts) -> Drawing:
    """Where the texts of each set lie among those of people."""
    points = measures.text_map({name: texts.part(name) for name in texts.drawn}, embed=texts.embed, seed=texts.seed)
    shown = min(len(texts.human), measures.MOST_TEXTS)
    caption = (
        f"texts in the plane of the two first principal components of their embeddings; grey: {shown} human texts."
        f"{texts.drawn_note} {texts.note}"
    )
    return _drawing(texts, "map", plots.plot_map(points), caption, table=points)


def coverage_figure(texts: TaskTexts) -> Drawing:
    """How much of what people write a set has, and how much of a set lies among it."""
    table = coverage.coverage(texts)
    if table.empty:
        reason = f"needs {coverage.FEWEST_TEXTS} texts of each set, and as many other human ones."
        return _no_drawing(texts, "coverage", reason)
    topics, others = table.topics.iloc[0], len(texts.other_human)
    caption = (
        f"share of the topics of {others} other human texts ({topics} clusters by k-means) that a set hits; share of these texts "
        "with a text of the set in the ball to their fifth nearest (coverage), or in the ball around a text of the set (recall); "
        "share of the texts of the set in a ball around a human one (precision), and in how many, over five (density; "
        f"Naeem et al. 2020). human: as many other texts of people. 95% jackknife intervals over replies. {_sizes_note(table)}"
        f"{texts.drawn_note} {texts.note}"
    )
    return _drawing(texts, "coverage", plots.plot_coverage(table), caption, table=table)


def _sizes_note(table: DataFrame) -> str:
    """The numbers of texts that sets are measured at, for a caption."""
    return f"n = {', '.join(f'{n:,}' for n in sorted(set(table.n)))} a set."


def lengths_figure(texts: TaskTexts) -> Drawing:
    """How long the texts of each set are."""
    table = text_lengths(texts)
    caption = f"words of a text; box: quartiles, whiskers: 5% to 95%, {texts.size_note}.{texts.drawn_note} {texts.data_note}"
    return _drawing(texts, "lengths", plots.plot_lengths(table), caption, table=table)


def frequencies_figure(texts: TaskTexts) -> Drawing:
    """How often each class is labeled, against people."""
    if not texts.card.task_kind.marked:
        return _no_drawing(texts, "frequencies", "an example has one label, and the table of labels above counts those.")
    table = label_shift.label_frequencies(texts.card, texts.human, texts.rows, seed=texts.seed)
    caption = (
        "share of each class in the labels of a set, and Jensen-Shannon divergence (base 2) from the human shares; bars: 95% "
        "bootstrap intervals over texts; strokes: what 95% of shuffles of a set with the human one stay below. "
        f"{_texts_note(table)} {texts.data_note}"
    )
    return _drawing(texts, "frequencies", plots.plot_frequencies(table), caption, table=table)


def contents_figure(texts: TaskTexts) -> Drawing:
    """The contents of the texts of each set, against people."""
    if not texts.card.task_kind.marked:
        return _no_drawing(texts, "shape", "no piece of a text is labeled.")
    table = label_shift.contents(texts.card, texts.human, texts.rows, seed=texts.seed)
    entities = texts.card.task_kind.contents_note
    caption = f"mean over texts with 95% bootstrap intervals. {entities} {_texts_note(table)} {texts.data_note}"
    return _drawing(texts, "shape", plots.plot_measures(table), caption, table=table)


def _texts_note(table: DataFrame) -> str:
    """Texts of each set, for a caption."""
    sizes = table.groupby("set", sort=False).texts.first()
    return "Texts: " + ", ".join(f"{name} {n}" for name, n in sizes.items()) + "."


def representation_figure(texts: TaskTexts) -> Drawing:
    """Who is written about, against people's texts."""
    table = representation.representation(texts)
    if table.empty:
        return _no_drawing(
            texts, "representation", f"the lexicons are {representation.LANGUAGE}, its texts {texts.card.language}."
        )
    of_sets = table[(table.measure == "entropy") & (table.set != measures.HUMAN)]
    if of_sets["value"].isna().all():
        fewest, most = representation.FEWEST_MENTIONS, of_sets.mentions.max()
        reason = f"no set mentions names, genders, ages, regions or nationalities {fewest} times (at most {most})."
        return _no_drawing(texts, "representation", reason, table)
    whole = table[table.n == table.groupby("set").n.transform("max")]
    sizes = ", ".join(f"{name} {n:,}" for name, n in whole.groupby("set", sort=False).n.first().items())
    shares = representation.shares_apart(whole)
    caption = (
        "entropy of the groups that texts mention, by the word lists of data/lexicons (estimated so that the number of mentions "
        f"hardly matters); hollow: no difference to people beyond chance. {_shares_note(shares)} No point: fewer than "
        f"{representation.FEWEST_MENTIONS} mentions. 95% jackknife intervals over replies. "
        f"{representation.said_of_few_mentions(whole)}Texts: {sizes}.{texts.drawn_note} {texts.data_note}"
    )
    return _drawing(texts, "representation", plots.plot_representation(whole, shares), caption, table=table)


def _shares_note(shares: DataFrame) -> str:
    """A sentence for captions on the shares of groups that are drawn."""
    if shares.empty:
        return "No set mentions one of few groups (genders, ages, regions) otherwise than people beyond chance."
    return "Below: the groups that a set mentions otherwise than people beyond chance (one of twenty by chance alone)."


def stereotypes_table(texts: TaskTexts) -> Drawing:
    """What groups of people stand with, a table without a figure."""
    table = stereotypes.stereotypes(texts)
    caption = f"{texts.card.name}: {stereotypes.said_of_stereotypes(table)}"
    return Drawing(f"stereotypes_{texts.card.name}", None, caption, table)


def words_figure(texts: TaskTexts) -> Drawing:
    """Words that occur with a label more often than chance allows."""
    if texts.card.task_kind.marked:
        return _no_drawing(texts, "telling_words", "an example has no label as a whole that a word gives away.")
    table = shortcuts.word_associations(texts.card, texts.drawn_rows)
    if telling(table).empty:
        return _no_drawing(texts, "telling_words", f"none of {len(table)} tested words tells a label beyond chance.", table)
    caption = (
        "how far a word's most frequent label goes beyond that label's share in the set, in standard deviations (z), against the "
        f"number of texts with the word; named: those beyond chance at a false discovery rate of {FALSE_DISCOVERIES:g} (exact "
        f"binomial test, Benjamini and Hochberg). {texts.size_note}.{texts.drawn_note} {texts.data_note}"
    )
    return _drawing(texts, "telling_words", plots.plot_words(table, texts.drawn), caption, table=table)


def controls_figure(texts: TaskTexts) -> Drawing:
    """What it costs and brings to leave out, or to reword, examples whose words tell their label."""
    table = controls.controlled_sets(texts)
    if table.empty or (table[table.measure == "suspect"]["value"] == 0).all():
        return _no_drawing(texts, "controls", "no set has examples that words give away, or no labels that they could.", table)
    sets = controls.sets_that_show(table)
    if not sets:
        return _no_drawing(texts, "controls", controls.said_of_few_suspects(table), table)
    others = table.of.nunique() - len(sets)
    caption = (
        "sets as bought; dropped: without examples whose words tell their label; resampled: with so few of them that no word "
        "tells it, tested again on what is left; random: as many at random, as words of fewer texts tell less; rephrased: "
        "reworded. Share of the examples with a word that tells their label, or trivial (bars: 95% Wilson intervals); examples "
        f"that are left; dollars of one of them.{_left_out(others)}{texts.drawn_note} {texts.note}"
    )
    return _drawing(texts, "controls", plots.plot_controls(table[table.of.isin(sets)]), caption, table=table)


def _left_out(sets: int) -> str:
    """A sentence for captions on the sets that are not drawn, if there are any."""
    return f" Left out: {sets} sets in which nothing of this goes beyond chance." if sets else ""


def rewording_figure(texts: TaskTexts) -> Drawing:
    """Whether rewording gets a set clean, round by round."""
    table = rewording.reworded_rounds(texts)
    if table.empty:
        return _no_drawing(texts, "rewording", "no set was reworded (`rephrase` of 01).")
    said = rewording.said_of_rewording(table)
    if (table[(table.measure == "suspect") & (table.set != measures.HUMAN)]["value"] == 0).all():
        return _no_drawing(texts, "rewording", f"nothing gave a label away before or after. {said}", table)
    field = list(texts.card.fields)[-1]
    caption = (
        "sets after each round of rewording (0: as bought): examples with a word that tells their label, or trivial, as the set "
        "is then (95% Wilson intervals); words that tell a label; accuracy of a ridge regression that guesses the label "
        f"from the {field} alone (95% Wilson intervals, as if a topic or reply were one example); dollars of an example with all "
        f"rounds so far. {said} {texts.note}"
    )
    return _drawing(texts, "rewording", plots.plot_rewording(table), caption, table=table)


def guessing_figure(texts: TaskTexts) -> Drawing:
    """How well labels are guessed from parts of the input."""
    if texts.card.task_kind.marked:
        return _no_drawing(texts, "guessing", "an example has no label as a whole to be guessed.")
    table = shortcuts.label_guesses(texts.card, texts.drawn_rows, embed=texts.embed, seed=texts.seed)
    caption = (
        f"accuracy of a ridge regression on embeddings of parts of the input, cross-validated ({shortcuts.FOLDS} folds, or as "
        "many as the rarest label has topics or replies, none of which stands in two folds) inside each set; grey: the middle "
        f"95% of {shortcuts.SHUFFLES} shuffles of the labels of whole topics or replies; filled: above it. Bars: 95% Wilson "
        "intervals, as if a topic or reply were one example; dotted: the most frequent label, or a random choice. "
        f"Trivial: matching words answer it. {texts.size_note}.{texts.drawn_note} {texts.note}"
    )
    return _drawing(texts, "guessing", plots.plot_guesses(table), caption, table=table)


def drift_figure(texts: TaskTexts) -> Drawing:
    """How far a strategy drifts from its seed example, reply by reply."""
    table = drift.by_step(texts.card, texts.written_rows, texts.human, embed=texts.embed)
    if table.empty:
        return _no_drawing(texts, "drift", "no set was made from its own examples.")
    caption = (
        "cosine of an example to the seed example, to its nearest human example, and of two examples of a step; the Vendi score "
        f"of all examples so far; by reply and by depth; bars: 95% t-intervals over chains (starts of a strategy) "
        f"where there are several.{plots.note_on_means(table)} {texts.note}"
    )
    return _drawing(texts, "drift", plots.plot_drift(table), caption, table=table)


def generations_figure(texts: TaskTexts) -> Drawing:
    """How good the examples of each generation are."""
    table = generations.quality(texts.card, texts.written, texts.human, checked=texts.checked, embed=texts.embed, seed=texts.seed)
    if table.empty:
        return _no_drawing(texts, "generations", "no set was made from its own examples.")
    caption = (
        "by generation (1: made from the seed), chains of a strategy together: items that cannot be used, items that repeat a "
        "text, examples that the teacher answers as before when it is asked again, and accuracy of a classifier (ridge "
        "regression on embeddings, whole replies held out) of examples against as many human ones; grey: the middle 95% of "
        f"{shortcuts.SHUFFLES} shuffles. Bars: 95% Wilson intervals for items that come in replies. {texts.note}"
    )
    return _drawing(texts, "generations", plots.plot_generations(table), caption, table=table)


def tree_figure(texts: TaskTexts) -> Drawing:
    """Which example each one was made from."""
    table = drift.tree_nodes(texts.card, texts.written_rows, texts.human, embed=texts.embed)
    if table.empty:
        return _no_drawing(texts, "tree", "no set was made from its own examples.")
    caption = f"which example each one was made from, by strategy; color: cosine to the seed example. {texts.note}"
    return _drawing(texts, "tree", plots.plot_trees(table), caption, table=table)
