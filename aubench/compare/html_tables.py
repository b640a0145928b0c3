"""The page's tables and the places for its pictures, as HTML that stands without a script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from aubench import facs
from aubench.compare import html_supplement, speed_table
from aubench.compare.html_cells import bodies, breakable, cell, quoted, table, title
from aubench.compare.markdown import gap_to_best, span
from aubench.compare.method import LABELS
from aubench.compare.schema import DatasetComparison, MethodRow, Row
from aubench.compare.tables import METRICS
from aubench.report.markdown import number

PARTS = {
    "ranking": "Ranking",
    "units": "Per action unit",
    "explore": "Look closer",
    "tests": "Do they differ?",
    "occurrence": "Is it there?",
    "speed": "Speed and size",
    "basis": "What each row rests on",
}
_UNITS = {unit.key: unit.name for unit in facs.ACTION_UNITS}


def write(part: str, dataset: str, here: DatasetComparison) -> str:
    """One part of a data set's section; empty where there is nothing to show."""
    writers = {
        "ranking": _ranking, "units": _units, "explore": _explore, "tests": _tests,
        "occurrence": html_supplement.occurrence, "speed": html_supplement.speed, "basis": _basis,
    }  # fmt: skip
    return writers[part](dataset, here)


def _ranking(dataset: str, here: DatasetComparison) -> str:
    head = [
        ("method", ""), ("ICC(3,1)", "consistency; higher is better"), ("95%", "bootstrap over people"),
        ("behind best", "95% of the paired difference to the best row of the protocol"),
        ("MAE", "in intensity steps of 0 to 5; lower is better"), ("95% of MAE", ""), ("PCC", "correlation"),
        ("ICC(2,1)", "absolute agreement"), ("ms/image", "from aligned crop to answer; in brackets: noted elsewhere"),
        ("labels", "AU labels used in training"),
    ]  # fmt: skip

    def row(e: Row) -> str:
        mean = e.mean
        cells = [title(e)]
        for metric in METRICS:
            spread = mean.deviation(metric)
            more = f" <small>± {number(spread)}, {len(e.seeds)} seeds</small>" if spread is not None else ""
            if metric in e.flags:
                more += f" <abbr title={quoted(e.flags[metric])}>[!]</abbr>"
            digits = 2 if e.kind == "published" else 3
            cells.append(cell(mean.value(metric), e.marks.get(metric, {}).get("mean", 0), more=more, digits=digits))
            ends = e.interval if metric == "icc31" else e.mae_interval
            cells.append(_whisker(mean.value(metric), ends, 1.0 if metric == "icc31" else 2.0))
            if metric == "icc31":
                gap = sum(e.behind) / 2 if e.behind else 0
                cells.append(f"<td class='n' data-v='{gap:.6g}'>{gap_to_best(e)}</td>")
        cells += [cell(mean.value("pcc")), cell(mean.value("icc21"))]
        speed = speed_table.line(e, here)
        more = f"<small class='below'>{speed_table.figure(speed.images_per_s)} images/s</small>"
        cells.append(html_supplement.figure(speed.ms, faint=not speed.measured, more=more))
        words = next((words for labels, words in LABELS.items() if labels == e.labels), "")
        cells.append(f"<td>{f'<abbr title={quoted(words)}>{e.labels}</abbr>' if words else ''}</td>")
        return f"<tr>{''.join(cells)}</tr>"

    caption = (
        "Mean over the action units. Best <b>bold</b>, second <u>underlined</u>, by two digits, within a protocol."
    )
    every: list[Row] = [*here.rows]
    rows = bodies(here.groups, every, row, len(head), here.reported, here.published)
    return table(caption, head, rows, key="ranking")


def _whisker(value: float | None, ends: Sequence[float] | None, top: float) -> str:
    """An interval as a line with a dot, and in words."""
    if value is None or ends is None:
        return "<td class='n none'>–</td>"
    low, high, at = (max(0.0, min(1.0, (v + 0.1 * top) / (1.1 * top))) * 100 for v in (*ends, value))
    return (
        f"<td class='n whisker' data-v='{ends[0]:.6g}'><svg viewBox='0 0 100 10' aria-hidden='true'>"
        "<line class='zero' x1='9.1' x2='9.1' y1='0' y2='10'/>"
        f"<line class='ends' x1='{low:.1f}' x2='{high:.1f}' y1='5' y2='5'/>"
        f"<circle cx='{at:.1f}' cy='5' r='3'/></svg>"
        f"<span>{number(ends[0], 2)} to {number(ends[1], 2)}</span></td>"
    )


def _units(dataset: str, here: DatasetComparison) -> str:
    parts = [
        f"<figure class='chart bars' data-dataset={quoted(dataset)}><figcaption>Scores per action unit, with 95% "
        "intervals over people.</figcaption><div class='controls'></div><div class='plot'></div></figure>"
    ]
    for metric, words in METRICS.items():
        head = [("method", ""), *((au, _UNITS.get(au, "")) for au in here.aus), ("mean", "")]

        def row(e: Row, metric: str = metric) -> str:
            marks = e.marks.get(metric, {})
            values = {au: scores.value(metric) for au, scores in e.aus.items()}
            cells = [cell(values.get(au), marks.get(au, 0), digits=2, tint=metric == "icc31") for au in here.aus]
            flag = e.flags.get(metric)
            more = f" <abbr title={quoted(flag)}>[!]</abbr>" if flag else ""
            cells.append(cell(e.mean.value(metric), marks.get("mean", 0), digits=2, more=more))
            return f"<tr>{title(e, named_only=True)}{''.join(cells)}</tr>"

        able: list[Row] = [e for e in here.rows if e.kind != "constant" or e.group == "A"]
        printed = [e for e in here.published if e.aus]
        better = "higher" if metric == "icc31" else "lower"
        caption = f"<b>{words}</b> per action unit, in the form of the paper's Table 1; {better} is better."
        rows = bodies(here.groups, able, row, len(head), here.reported, printed)
        parts.append(table(caption, head, rows, key="units"))
    return "".join(parts)


def _explore(dataset: str, here: DatasetComparison) -> str:
    return (
        f"<div class='explore' data-dataset={quoted(dataset)}><div class='controls'></div>"
        "<figure class='chart curves'><figcaption>Truth and predictions over time</figcaption><div class='plot'></div>"
        "<div class='cursor'></div></figure><div class='pair'><figure class='chart scatter'>"
        "<figcaption>Prediction against truth</figcaption><div class='plot'></div></figure>"
        "<figure class='chart bland'><figcaption>Bland–Altman: prediction less truth, against their mean</figcaption>"
        "<div class='plot'></div></figure>"
        "<figure class='chart confusion'><figcaption>Rounded intensities</figcaption><div class='plot'></div></figure>"
        "</div><noscript><p>A script draws the pictures; it is switched off. The tables hold all scores.</p></noscript>"
        "</div>"
    )


def _tests(dataset: str, here: DatasetComparison) -> str:
    tests = here.tests
    if not tests.pairs:
        return ""
    head = [("pair", ""), ("metric", ""), ("difference", ""), ("95%", "paired bootstrap over people"), ("p", ""),
            ("p (Holm)", "for all pairs together"), ("d", "Cohen's d of the people's own differences"), ("frames", ""),
            ("people", "")]  # fmt: skip
    rows = []
    for pair in tests.pairs:
        for metric, words in METRICS.items():
            e = pair.scores(metric)
            sure = e.p_holm is not None and e.p_holm < 0.05
            rows.append(
                f"<tr><th scope='row' class='t'>{breakable(pair.a)} − {breakable(pair.b)}</th><td>{words}</td>"
                + cell(e.difference) + f"<td class='n'>{span(e.interval, sign=True, absent='–')}</td>"
                + cell(e.p, digits=4)
                + cell(e.p_holm, 1 if sure else 0, digits=4).replace(" (best)", " (below 0.05)")
                + cell(e.d, digits=2)
                + f"<td class='n'>{pair.frames:,}</td><td class='n'>{pair.subjects}</td></tr>"
            )  # fmt: skip
    how = "every swap" if tests.exact else f"{tests.draws:,} random swaps"
    caption = (
        f"Every pair on the frames that both have read. p: permutation of whole people ({how}; with so few, none can "
        f"be below {tests.smallest_p:.4f}); bold: below 0.05 after Holm's correction for all pairs."
    )
    return table(caption, head, [f"<tbody>{''.join(rows)}</tbody>"], key="tests")


def _basis(dataset: str, here: DatasetComparison) -> str:
    head = [("method", ""), ("protocol", "hash of labels, people, AUs, frames, ICC form and scale"), ("AUs", ""),
            ("frames scored", ""), ("dropped", ""), ("labels used", ""), ("training data overlap", ""), ("scale", ""),
            ("licence", "")]  # fmt: skip
    total = len(here.aus)

    def row(e: MethodRow) -> str:
        scale = e.scale if e.rescale is None else f"{e.scale} × {e.rescale:g}"
        counts = {"missing": e.missing, "invalid": e.invalid, "surplus": e.surplus}
        dropped = ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "none"
        used = f"{e.labels}: {LABELS[e.labels]}"
        cells = [f"{e.group} <code>{e.protocol}</code>", f"{total - len(e.missing_aus)} of {total}",
                 f"{e.scored:,} of {e.frames:,}", dropped, used, escape(e.overlap), escape(scale),
                 escape(e.facts.licence)]  # fmt: skip
        return f"<tr>{title(e, named_only=True)}{''.join(f'<td>{c}</td>' for c in cells)}</tr>"

    rows = [e for e in here.rows if e.kind != "constant"]
    lines = bodies(here.groups, rows, row, len(head))
    rests = table("What was scored, and what each method knew.", head, lines, key="basis")
    remarks = []
    for e in rows:
        said = [*e.notes]
        if e.missing_aus:
            said.append(f"does not predict {', '.join(e.missing_aus)}")
        if e.missing_at:
            said.append(f"no reading at {'; '.join(e.missing_at)}")
        if e.not_annotated:
            said.append(f"also predicts {', '.join(e.not_annotated)}, which are not annotated here")
        if said:
            remarks.append(f"<dt>{escape(e.name)}</dt><dd>{escape('; '.join(said))}.</dd>")
    return rests + (f"<dl>{''.join(remarks)}</dl>" if remarks else "")
