"""A comparison as Markdown: the paper's tables, then what they rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aubench.compare import markdown_supplement, speed_table
from aubench.compare.markdown_supplement import marked, of_line
from aubench.compare.schema import Comparison, DatasetComparison, MethodRow, PairTests, Row
from aubench.compare.tables import MEAN, METRICS, Cell, grid
from aubench.report.markdown import number, table, text_only


def page(comparison: Comparison) -> str:
    """The whole page. Names and notes come from files of others: HTML in them is shown, not run."""
    comparison = Comparison.model_validate(text_only(comparison.to_dict()))
    parts = ["# Methods compared\n"]
    if comparison.command:
        parts.append(f"`{comparison.command}`, {comparison.date}\n")
    parts += [warning + "\n" for warning in warnings(comparison)]
    for dataset, here in comparison.datasets.items():
        parts += _dataset(dataset, here)
    parts.append("## Per action unit, in the form of the paper's Table 1\n")
    whole = grid(comparison)
    for metric, block in whole.blocks.items():
        head = [METRICS[metric], "", *(f"{d} {'Avg' if au == MEAN else au[2:]}" for d, au in whole.columns)]
        body = [[line.name, "" if line.kind == "run" else line.kind, *map(_cell, line.cells)] for line in block]
        parts.append(table(head, body))
    parts.append("Best **bold**, second <u>underlined</u>, among rows of one protocol and printed digits.\n")
    return "\n".join(parts)


def warnings(comparison: Comparison) -> Iterator[str]:
    """What a reader must know before the first number."""
    for dataset, here in comparison.datasets.items():
        if len(here.groups) > 1:
            first, *others = here.groups
            listed = "; ".join(f"{g.group} ({g.hash}): {', '.join(g.rows)}: {g.differs}" for g in others)
            yield (
                f"**{dataset}: rows of different protocols are ranked apart.** {first.group} ({first.hash}): "
                f"{', '.join(first.rows)}. {listed}."
            )
        if note := few_people(here):
            yield f"**{dataset}: {note}.**"
        for entry in here.published:
            for metric, text in entry.flags.items():
                yield f"{dataset}, {entry.name} [printed], {METRICS[metric]}: {text}."
        if here.published:
            ranked = comparison.options.published_ranked
            how = "ranked with ours, as asked" if ranked else "never ranked with ours"
            yield f"{dataset}: rows marked [printed] are from elsewhere, on a protocol that cannot be checked; {how}."


def _dataset(dataset: str, here: DatasetComparison) -> list[str]:
    parts = [
        f"## {dataset}\n",
        f"{here.frames} test frames of {here.subjects} subjects, {len(here.aus)} AUs, truth `{here.truth}`.\n",
    ]
    body = [
        [e.name, e.label, e.group, _spread(e, "icc31"), span(e.interval, absent="–"),
         gap_to_best(e), _spread(e, "mae"), span(e.mae_interval, absent="–"),
         number(e.mean.pcc), number(e.mean.icc21), *of_line(speed_table.line(e, here))]
        for e in here.rows
    ]  # fmt: skip
    for kept in here.reported:
        mean = kept.mean
        body.append([kept.name, kept.label, "", number(mean.icc31), "", "", number(mean.mae), "",
                     number(mean.pcc), number(mean.icc21), "", ""])  # fmt: skip
    for printed in here.published:
        flags = {metric: " [!]" if metric in printed.flags else "" for metric in METRICS}
        cells = {metric: number(printed.mean.value(metric), 2) + flags[metric] for metric in METRICS}
        body.append([f"{printed.name} [printed]", printed.label, "", cells["icc31"], "", "", cells["mae"], *[""] * 5])
    head = ["method", "what it is", "protocol", "ICC(3,1)", "95%", "behind the best", "MAE", "95%", "PCC", "ICC(2,1)",
            "ms/image", "images/s"]  # fmt: skip
    parts.append(table(head, body))
    parts.append(
        "Intervals: bootstrap over subjects (and over seeds where there are several: ± is their standard deviation); "
        "*behind the best* is of the paired difference to the first row of the same protocol.\n"
    )
    parts += ["### What each row rests on\n", _fairness(here)]
    parts += _lost(here)
    if here.tests.pairs:
        parts += ["### Do they differ?\n", _tests(here.tests)]
    parts += ["### Is it there?\n", markdown_supplement.occurrence(here)]
    if speed := markdown_supplement.speed(here):
        parts += ["### Speed and size\n", speed]
    return parts


def _spread(entry: MethodRow, metric: str) -> str:
    spread = entry.mean.deviation(metric)
    mark = entry.marks[metric].get(MEAN)
    return marked(number(entry.mean.value(metric)), mark) + (f" ± {number(spread)}" if spread is not None else "")


def _cell(cell: Cell) -> str:
    return (
        marked(cell.text, cell.mark)
        + (f"<sup>{cell.group}</sup>" if cell.group else "")
        + (" [!]" if cell.flag else "")
    )


def span(ends: Sequence[float] | None, sign: bool = False, absent: str = "") -> str:
    """An interval in words; ``absent`` where there is none."""
    if ends is None:
        return absent
    return " to ".join(f"{round(end, 3) + 0.0:+.3f}" if sign else number(end) for end in ends)


def gap_to_best(entry: Row) -> str:
    """How far a row is behind the best, in words: nothing for the best, a dash where the people are too few."""
    return span(entry.behind, sign=True, absent="–" if entry.has_gap else "")


def few_people(here: DatasetComparison) -> str:
    """Why rows of a data set have no intervals; empty where all have theirs."""
    return "; ".join(dict.fromkeys(row.interval_note for row in here.rows if row.interval_note))


def dropped(row: MethodRow) -> str:
    """How many frames of a row do not count, and why."""
    counts = {"missing": row.missing, "invalid": row.invalid, "surplus": row.surplus}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "none"


def _fairness(here: DatasetComparison) -> str:
    body = []
    for e in here.rows:
        scale = e.scale if e.rescale is None else f"{e.scale} × {e.rescale:g}"
        covered = f"{len(here.aus) - len(e.missing_aus)} of {len(here.aus)}"
        body.append([e.name, f"{e.group} `{e.protocol}`", covered, f"{e.scored} of {e.frames}",
                     dropped(e), e.labels, e.overlap, scale, str(len(e.seeds))])  # fmt: skip
    head = [
        "method",
        "protocol",
        "AUs",
        "frames scored",
        "dropped",
        "labels used",
        "training data overlap",
        "scale",
        "seeds",
    ]
    return table(head, body)


def _lost(here: DatasetComparison) -> list[str]:
    lines = []
    for e in here.rows:
        notes = [*e.notes]
        if e.missing_at:
            notes.append("no reading at " + "; ".join(e.missing_at))
        if e.missing_aus:
            notes.append("does not predict " + ", ".join(e.missing_aus))
        if e.mean.note and e.mean.note not in notes:
            notes.append(e.mean.note)
        lines += [f"- {e.name}: {note}." for note in dict.fromkeys(notes)]
    return ["\n".join(lines) + "\n"] if lines else []


def _tests(tests: PairTests) -> str:
    body = []
    for pair in tests.pairs:
        for metric, words in METRICS.items():
            e = pair.scores(metric)
            value = "–" if e.difference is None else f"{e.difference:+.3f}"
            body.append([f"{pair.a} − {pair.b}", words, value,
                         span(e.interval, sign=True, absent="–"),
                         number(e.p, 4), number(e.p_holm, 4), number(e.d, 2),
                         f"{pair.frames} / {pair.subjects}"])  # fmt: skip
    head = ["difference", "metric", "value", "95%", "p", "p (Holm)", "d", "frames / subjects"]
    how = "all swaps of subjects" if tests.exact else f"{tests.draws} random swaps of subjects"
    return table(head, body) + (
        f"\np: permutation of whole subjects ({how}; with so few people no p can be below {tests.smallest_p:.4f}); "
        "Holm: for all pairs together, each metric by itself; d: Cohen's d of the subjects' own differences.\n"
    )
