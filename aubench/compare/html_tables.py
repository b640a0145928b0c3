"""The page's tables and the places for its pictures, as HTML that stands without a script."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from aubench import facs
from aubench.compare.markdown import span
from aubench.compare.method import LABELS
from aubench.compare.tables import METRICS
from aubench.report.markdown import number

PARTS = {
    "ranking": "Ranking",
    "units": "Per action unit",
    "explore": "Look closer",
    "tests": "Do they differ?",
    "basis": "What each row rests on",
}
_UNITS = {unit.key: unit.name for unit in facs.ACTION_UNITS}


def write(part: str, dataset: str, here: Mapping[str, Any]) -> str:
    """One part of a data set's section; empty where there is nothing to show."""
    return {"ranking": _ranking, "units": _units, "explore": _explore, "tests": _tests, "basis": _basis}[part](
        dataset, here
    )


def _table(caption: str, head: Sequence[tuple[str, str]], bodies: Sequence[str], *, key: str = "") -> str:
    """A sortable table. ``head``: column name and what it means, "" for a plain word."""
    cells = "".join(
        f"<th scope='col'{' class=t' if i == 0 else ''}><button type='button'{f' title={_quoted(tip)}' if tip else ''}>"
        f"{escape(name)}</button></th>"
        for i, (name, tip) in enumerate(head)
    )
    label = _quoted(_plain(caption))
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label={label}><table class='sortable {key}'>"
        f"<caption><span>{caption}</span></caption><thead><tr>{cells}</tr></thead>{''.join(bodies)}</table></div>"
    )


def _plain(markup: str) -> str:
    return re.sub("<[^>]*>", "", markup)


def _quoted(text: str) -> str:
    return f"'{escape(text, quote=True)}'"


def _number(value: float | None, mark: int = 0, *, digits: int = 3, more: str = "", tint: bool = False) -> str:
    """A cell with its value for sorting; best bold, second underlined, both said aloud too."""
    if value is None:
        return "<td class='n none'>–</td>"
    text = number(value, digits)
    if mark:
        tag, word = {1: ("b", "best"), 2: ("u", "second")}[mark]
        text = f"<{tag}>{text}</{tag}><span class='aloud'> ({word})</span>"
    style = f" style='--v:{max(0.0, min(1.0, value)):.3f}'" if tint else ""
    return f"<td class='n{' tint' if tint else ''}' data-v='{value:.6g}'{style}>{text}{more}</td>"


def _bodies(here: Mapping[str, Any], row: Any, width: int) -> list[str]:
    """One ``tbody`` a protocol, so that sorting never mixes them; then what was printed elsewhere."""
    bodies = []
    several = len(here["groups"]) > 1
    for group in here["groups"]:
        entries = [e for e in here["rows"] if e["group"] == group["group"]]
        lines = "".join(row(e) for e in entries)
        differs = f": {escape(group['differs'])}" if group["differs"] else ""
        words = f"Protocol {group['group']} <code>{group['hash']}</code>{differs}"
        bodies.append(f"<tbody>{_divider(words, width) if several else ''}{lines}</tbody>")
    if here["reported"]:
        lines = "".join(row(e) for e in here["reported"])
        bodies.append(f"<tbody>{_divider('Only the scores were kept; not ranked', width)}{lines}</tbody>")
    if here["published"]:
        lines = "".join(row(e) for e in here["published"])
        words = "Printed elsewhere: Song et al., ACM MM 2020, arXiv 2008.08862; another protocol"
        bodies.append(f"<tbody class='printed'>{_divider(words, width)}{lines}</tbody>")
    return bodies


def _divider(words: str, width: int) -> str:
    return f"<tr class='divider'><th scope='rowgroup' colspan='{width}'><span>{words}</span></th></tr>"


def _name(entry: Mapping[str, Any]) -> str:
    words = "" if entry["label"] == entry["name"] else entry.get("printed_in", entry["label"])
    label = f"<small>{_breakable(words)}</small>" if words else ""
    kind = {"constant": " class='t constant'", "published": " class='t printed'"}.get(entry["kind"], " class='t'")
    return f"<th scope='row'{kind}>{_breakable(entry['name'])}{label}</th>"


def _breakable(name: str) -> str:
    """A name that may be broken after a plus sign: names of runs list their losses."""
    return escape(name).replace("+", "+<wbr>")


def _ranking(dataset: str, here: Mapping[str, Any]) -> str:
    head = [
        ("method", ""), ("ICC(3,1)", "consistency; higher is better"), ("95%", "bootstrap over people"),
        ("behind best", "95% of the paired difference to the best row of the protocol"),
        ("MAE", "in intensity steps of 0 to 5; lower is better"), ("95% of MAE", ""), ("PCC", "correlation"),
        ("ICC(2,1)", "absolute agreement"), ("frames/s", "where it was measured"),
        ("labels", "AU labels used in training"),
    ]  # fmt: skip

    def row(e: Mapping[str, Any]) -> str:
        marks, flags, mean = e.get("marks", {}), e.get("flags", {}), e["mean"]
        cells = [_name(e)]
        for metric in METRICS:
            spread = mean.get(f"{metric}_sd")
            more = f" <small>± {number(spread)}, {len(e['seeds'])} seeds</small>" if spread is not None else ""
            if metric in flags:
                more += f" <abbr title={_quoted(flags[metric])}>[!]</abbr>"
            digits = 2 if e["kind"] == "published" else 3
            cells.append(_number(mean[metric], marks.get(metric, {}).get("mean", 0), more=more, digits=digits))
            ends = e.get("interval" if metric == "icc31" else "mae_interval")
            cells.append(_whisker(mean[metric], ends, 1.0 if metric == "icc31" else 2.0))
            if metric == "icc31":
                behind = e.get("behind")
                cells.append(
                    f"<td class='n' data-v='{sum(behind) / 2 if behind else 0:.6g}'>{span(behind, sign=True)}</td>"
                )
        cells += [_number(mean.get("pcc")), _number(mean.get("icc21"))]
        speed = e.get("facts", {}).get("frames_per_s")
        cells.append(_number(speed, digits=0) if speed else "<td class='n none'>–</td>")
        word = e.get("labels", "")
        cells.append(f"<td>{f'<abbr title={_quoted(LABELS[word])}>{word}</abbr>' if word in LABELS else ''}</td>")
        return f"<tr>{''.join(cells)}</tr>"

    caption = (
        "Mean over the action units. Best <b>bold</b>, second <u>underlined</u>, by two digits, within a protocol."
    )
    return _table(caption, head, _bodies(here, row, len(head)), key="ranking")


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


def _units(dataset: str, here: Mapping[str, Any]) -> str:
    parts = [
        f"<figure class='chart bars' data-dataset={_quoted(dataset)}><figcaption>Scores per action unit, with 95% "
        "intervals over people.</figcaption><div class='controls'></div><div class='plot'></div></figure>"
    ]
    for metric, words in METRICS.items():
        head = [("method", ""), *((au, _UNITS.get(au, "")) for au in here["aus"]), ("mean", "")]

        def row(e: Mapping[str, Any], metric: str = metric) -> str:
            marks = e.get("marks", {}).get(metric, {})
            cells = [_number(e["aus"].get(au, {}).get(metric), marks.get(au, 0), digits=2, tint=metric == "icc31")
                     for au in here["aus"]]  # fmt: skip
            flag = e.get("flags", {}).get(metric)
            more = f" <abbr title={_quoted(flag)}>[!]</abbr>" if flag else ""
            cells.append(_number(e["mean"][metric], marks.get("mean", 0), digits=2, more=more))
            return f"<tr>{_name({**e, 'label': e['name']})}{''.join(cells)}</tr>"

        able = {**here, "published": [e for e in here["published"] if e["aus"]],
                "rows": [e for e in here["rows"] if e["kind"] != "constant" or e["group"] == "A"]}  # fmt: skip
        better = "higher" if metric == "icc31" else "lower"
        caption = f"<b>{words}</b> per action unit, in the form of the paper's Table 1; {better} is better."
        parts.append(_table(caption, head, _bodies(able, row, len(head)), key="units"))
    return "".join(parts)


def _explore(dataset: str, here: Mapping[str, Any]) -> str:
    return (
        f"<div class='explore' data-dataset={_quoted(dataset)}><div class='controls'></div>"
        "<figure class='chart curves'><figcaption>Truth and predictions over time</figcaption><div class='plot'></div>"
        "<div class='cursor'></div></figure><div class='pair'><figure class='chart scatter'>"
        "<figcaption>Prediction against truth</figcaption><div class='plot'></div></figure>"
        "<figure class='chart bland'><figcaption>Bland–Altman: prediction less truth, against their mean</figcaption>"
        "<div class='plot'></div></figure>"
        "<figure class='chart confusion'><figcaption>Rounded intensities</figcaption><div class='plot'></div></figure>"
        "</div><noscript><p>A script draws the pictures; it is switched off. The tables hold all scores.</p></noscript>"
        "</div>"
    )


def _tests(dataset: str, here: Mapping[str, Any]) -> str:
    tests = here["tests"]
    if not tests["pairs"]:
        return ""
    head = [("pair", ""), ("metric", ""), ("difference", ""), ("95%", "paired bootstrap over people"), ("p", ""),
            ("p (Holm)", "for all pairs together"), ("d", "Cohen's d of the people's own differences"), ("frames", ""),
            ("people", "")]  # fmt: skip
    rows = []
    for pair in tests["pairs"]:
        for metric, words in METRICS.items():
            e = pair[metric]
            sure = e["p_holm"] is not None and e["p_holm"] < 0.05
            rows.append(
                f"<tr><th scope='row' class='t'>{_breakable(pair['a'])} − {_breakable(pair['b'])}</th><td>{words}</td>"
                + _number(e["difference"]) + f"<td class='n'>{span(e['interval'], sign=True)}</td>"
                + _number(e["p"], digits=4)
                + _number(e["p_holm"], 1 if sure else 0, digits=4).replace(" (best)", " (below 0.05)")
                + _number(e["d"], digits=2)
                + f"<td class='n'>{pair['frames']:,}</td><td class='n'>{pair['subjects']}</td></tr>"
            )  # fmt: skip
    how = "every swap" if tests["exact"] else f"{tests['draws']:,} random swaps"
    caption = (
        f"Every pair on the frames that both have read. p: permutation of whole people ({how}; with so few, none can "
        f"be below {tests['smallest_p']:.4f}); bold: below 0.05 after Holm's correction for all pairs."
    )
    return _table(caption, head, [f"<tbody>{''.join(rows)}</tbody>"], key="tests")


def _basis(dataset: str, here: Mapping[str, Any]) -> str:
    head = [("method", ""), ("protocol", "hash of labels, people, AUs, frames, ICC form and scale"), ("AUs", ""),
            ("frames scored", ""), ("dropped", ""), ("labels used", ""), ("training data overlap", ""), ("scale", ""),
            ("size", ""), ("licence", "")]  # fmt: skip
    total = len(here["aus"])

    def row(e: Mapping[str, Any]) -> str:
        scale = e["scale"] if e["rescale"] is None else f"{e['scale']} × {e['rescale']:g}"
        dropped = ", ".join(f"{e[k]} {k}" for k in ("missing", "invalid", "surplus") if e[k]) or "none"
        facts = e["facts"]
        weights = facts.get("parameters")
        size = f"{weights / 1e6:.1f} M numbers, {facts['megabytes']:g} MB" if weights else "–"
        word = e["labels"]
        used = f"{word}: {LABELS[word]}" if word in LABELS else word
        cells = [f"{e['group']} <code>{e['protocol']}</code>", f"{total - len(e['missing_aus'])} of {total}",
                 f"{e['scored']:,} of {e['frames']:,}", dropped, used, escape(e["overlap"]), escape(scale), size,
                 escape(facts.get("licence", "–"))]  # fmt: skip
        return f"<tr>{_name({**e, 'label': e['name']})}{''.join(f'<td>{c}</td>' for c in cells)}</tr>"

    rows = [e for e in here["rows"] if e["kind"] != "constant"]
    able = {**here, "rows": rows, "published": [], "reported": []}
    table = _table("What was scored, and what each method knew.", head, _bodies(able, row, len(head)), key="basis")
    remarks = []
    for e in rows:
        said = [*e["notes"]]
        if e["missing_aus"]:
            said.append(f"does not predict {', '.join(e['missing_aus'])}")
        if e["missing_at"]:
            said.append(f"no reading at {'; '.join(e['missing_at'])}")
        if e["not_annotated"]:
            said.append(f"also predicts {', '.join(e['not_annotated'])}, which are not annotated here")
        if said:
            remarks.append(f"<dt>{escape(e['name'])}</dt><dd>{escape('; '.join(said))}.</dd>")
    return table + (f"<dl>{''.join(remarks)}</dl>" if remarks else "")
