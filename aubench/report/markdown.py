"""Reports as Markdown. Every number on a page comes from ``report.json``; undefined ones are a dash with a footnote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from aubench import facs
from aubench.report.schema import Report, WeightsUsed
from aubench.scores import ScoreTable

COLUMNS = {"icc31": "ICC(3,1)", "icc21": "ICC(2,1)", "mae": "MAE", "pcc": "PCC", "ccc": "CCC"}
HOW = {
    "command": "command",
    "seed": "seed",
    "commit": "commit",
    "machine": "machine",
    "wall_s": "wall time",
}
"""Facts that get a line of their own, in this order."""


UNSCORED = """## Nothing to evaluate on

No data set of this run has labels of test frames: nothing was predicted, and nothing scored. The model is whole;
`aubench predict --run` reads faces with it. How well it reads faces that the engine drew is told below
(`in_domain_icc31`); how well it reads real ones, only labels can tell.
"""


def number(value: float | None, digits: int = 3) -> str:
    """A score for people; a dash where it is undefined."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-0." + "0" * digits, "0." + "0" * digits)


def text_only(value: Any) -> Any:
    """A value as JSON has them, its texts and keys such that Markdown shows HTML in them as it is written."""
    if isinstance(value, str):
        return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") if "<" in value else value
    if isinstance(value, Mapping):
        return {text_only(key): text_only(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [text_only(each) for each in value]
    return value


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; columns after the second are numbers, to the right."""
    side = ["---" if i < 2 else "---:" for i in range(len(header))]
    cells = (" | ".join(str(cell).replace("|", "\\|") for cell in row) for row in (header, side, *rows))
    return "\n".join(f"| {line} |" for line in cells) + "\n"


def au_table(scored: ScoreTable) -> str:
    """Per-AU scores of one data set and their mean, with what is degenerate as footnotes."""
    names = {unit.key: unit.name for unit in facs.ACTION_UNITS}
    rows, notes = [], []
    for au, scores in [*scored.aus.items(), ("mean", scored.mean)]:
        if scores.note:
            notes.append(f"{au}: {scores.note}.")
        mark = f" [{len(notes)}]" if scores.note else ""
        bold = "**" if au == "mean" else ""
        rows.append([f"{bold}{au}{bold}{mark}", names.get(au, ""), *(number(scores.value(k)) for k in COLUMNS)])
    text = table(["AU", "name", *COLUMNS.values()], rows)
    return text + "".join(f"\n[{i}] {note}" for i, note in enumerate(notes, 1)) + ("\n" if notes else "")


def row_table(report: Report, dataset: str) -> str:
    """The means of every way of predicting that was scored on one data set, and why one that was not has none."""
    rows = []
    for name, row in report.rows.items():
        if scored := row.datasets.get(dataset):
            text = row.label + (f" ({scored.mean.note})" if scored.mean.note else "")
            rows.append([name, text, *(number(scored.mean.value(k)) for k in COLUMNS), str(scored.scored)])
        elif reason := row.failed.get(dataset):
            rows.append([name, f"no predictions: {reason}", *(number(None) for _ in COLUMNS), "0"])
    return table(["row", "what it is", *COLUMNS.values(), "frames"], rows)


def run_page(name: str, report: Report, figure: str | None) -> str:
    """The whole page of one run, from what ``report.json`` holds and the name of a picture beside it."""
    parts = [f"# {name}\n"]
    if report.leakage:
        parts.append(leakage_warning(report.leakage))
    for dataset, scored in report.datasets.items():
        parts += [_headline(report, dataset), f"## {dataset}: per action unit, raw predictions\n", au_table(scored)]
        parts += [f"## {dataset}: beside other ways of predicting\n", row_table(report, dataset), _reading(report)]
    if not report.datasets:
        parts.append(UNSCORED)
    if figure:
        parts += ["## Input and rendered faces\n", f"![input beside rendered faces]({figure})\n"]
    if report.weights:
        parts += ["## Weights and their licences\n", weights_list(report.weights)]
    parts.append(how_made(report))
    return "\n".join(parts)


def weights_list(rows: Sequence[WeightsUsed]) -> str:
    """Which weights the frozen networks had, where they come from and under which licence."""
    lines = [f"- {r.network}: `{r.weights}`; licence: {r.licence}; from: `{r.origin}`" for r in rows]
    return "\n".join(lines) + "\n"


def leakage_warning(leaked: Mapping[str, Sequence[str]]) -> str:
    """The red mark of a report whose test people were trained on."""
    lines = [f"> - {person}: {', '.join(places)}" for person, places in leaked.items()]
    red = f'**<span style="color:red">LEAKAGE: {len(leaked)} people are in train and test at once.</span>**'
    return "\n".join(["> [!CAUTION]", f"> {red} The scores below are not those of unseen people.", ">", *lines, ""])


def _headline(report: Report, dataset: str) -> str:
    scored, zero = report.datasets[dataset], report.rows["zero"].datasets[dataset].mean
    counts = {
        "flagged as not valid and left out": scored.invalid,
        "without a prediction": scored.missing,
        "predicted that have no truth": scored.surplus,
    }
    lost = [f"{count} frames {words}" for words, count in counts.items() if count]
    return (
        f"`{dataset}`: mean ICC(3,1) **{number(scored.mean.icc31)}**, MAE {number(scored.mean.mae)} "
        f"(constant zero: {number(zero.mae)}) over {len(scored.aus)} AUs, {scored.scored} of "
        f"{scored.frames} frames, {scored.subjects} subjects." + (f" {'; '.join(lost)}." if lost else "") + "\n"
    )


def _reading(report: Report) -> str:
    return (
        "Scores are over all frames pooled, per AU, then averaged over AUs. ICC(3,1) is consistency, ICC(2,1) absolute "
        "agreement; MAE is in intensity steps (0 to 5) and by itself rewards predicting nothing, hence the constants. "
        "*raw* is the headline; *calibrated* also knows the distribution of a subject's unlabelled frames"
        + (", *person* their calm ones among these, before it reads" if "person" in report.rows else "")
        + ".\n"
    )


def how_made(report: Report) -> str:
    """Where the numbers come from: command, seed, commit, machine, time, configuration."""
    lines = ["## How it was made\n"]
    for key, words in HOW.items():
        value = getattr(report, key)
        if value is None:
            continue
        if key == "wall_s":
            value = f"{float(value):.0f} s"
        elif isinstance(value, Mapping):
            value = ", ".join(f"{k} {v}" for k, v in value.items())
        elif isinstance(value, list):
            value = " ".join(map(str, value))
        lines.append(f"- {words}: `{value}`" if key in ("command", "commit") else f"- {words}: {value}")
    others = {k: v for k, v in report.to_dict().items() if k not in (*HOW, "format", "datasets", "rows", "weights")}
    if others:
        text = yaml.safe_dump(others, sort_keys=False, allow_unicode=True, width=110)
        lines += ["", "```yaml", text.rstrip(), "```"]
    return "\n".join(lines) + "\n"
