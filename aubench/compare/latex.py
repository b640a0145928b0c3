"""A comparison as LaTeX with booktabs: a document that compiles, whose tables can be copied out."""

from __future__ import annotations

from aubench.compare import speed_table
from aubench.compare.markdown import few_people
from aubench.compare.markdown_supplement import of_line
from aubench.compare.schema import Comparison, DatasetComparison
from aubench.compare.tables import MEAN, METRICS, OCCURRENCE, Cell, Grid, grid, short, without_empty
from aubench.stamp import stamp

_SPECIAL = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
            "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "±": r"$\pm$"}  # fmt: skip
_ARROW = {"icc31": r"$\uparrow$", "mae": r"$\downarrow$"}
_PREAMBLE = rf"""% {stamp("comparison")}
\documentclass{{article}}
\usepackage[utf8]{{inputenc}}
\usepackage[T1]{{fontenc}}
\usepackage[a4paper,landscape,margin=12mm]{{geometry}}
\usepackage{{booktabs,graphicx}}
\begin{{document}}
"""


def escape(text: str) -> str:
    """Text that LaTeX prints as it is; letters beyond Latin become a question mark."""
    plain = "".join(_SPECIAL.get(c, c) for c in text)
    return "".join(c if ord(c) < 0x180 else "?" for c in plain)


def document(comparison: Comparison) -> str:
    """Table 1 (per AU) for each data set, without AUs that nobody predicts, and Tables 2 and 3 (averages), best bold,
    second underlined."""
    parts = [_PREAMBLE]
    if comparison.command:
        parts.append(f"% {' '.join(comparison.command.split())}\n")
    for name, here in comparison.datasets.items():
        one = comparison.model_copy(update={"datasets": {name: here}})  # side by side, several would not fit the page
        parts.append(table(without_empty(grid(one)), _caption(one, "per action unit")))
    parts.append(table(grid(comparison, per_au=False), _caption(comparison, "averages"), wide=False))
    for name, here in comparison.datasets.items():
        parts += [_occurrence(name, here), _speed(name, here)]
    return "\n".join([*(part for part in parts if part), r"\end{document}", ""])


def table(here: Grid, caption: str, *, wide: bool = True) -> str:
    """One table; ``wide`` shrinks it to the width of the page."""
    spec = "ll" + "".join(f"@{{\\hspace{{1.2em}}}}{'c' * here.width(d)}" for d in here.datasets)
    lines = [r"\begin{table}[p]", r"\centering", f"\\caption{{{caption}}}"]
    lines += [r"\resizebox{\linewidth}{!}{%"] if wide else []
    lines += [f"\\begin{{tabular}}{{{spec}}}", r"\toprule"]
    heads, rules, start = [], [], 3
    for dataset in here.datasets:
        end = start + here.width(dataset) - 1
        heads.append(f"\\multicolumn{{{end - start + 1}}}{{c}}{{{escape(dataset.upper())}}}")
        rules.append(f"\\cmidrule(lr){{{start}-{end}}}")
        start = end + 1
    lines += [" & & " + " & ".join(heads) + r" \\", " ".join(rules)]
    lines.append(" & AU & " + " & ".join("Avg" if au == MEAN else au[2:] for _, au in here.columns) + r" \\")
    for metric, block in here.blocks.items():
        lines.append(r"\midrule")
        printed = False
        for number, line in enumerate(block):
            if line.kind == "published" and not printed and number:
                lines.append(f"\\cmidrule(lr){{2-{len(here.columns) + 2}}}")
            printed = printed or line.kind == "published"
            head = f"{METRICS[metric]} {_ARROW[metric]}" if number == 0 else ""
            name = escape(line.name.removesuffix(" [printed]"))
            name = f"\\textit{{{name}}}$^{{*}}$" if line.kind == "published" else name
            lines.append(f"{head} & {name} & " + " & ".join(map(_cell, line.cells)) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}" + ("}" if wide else ""), r"\end{table}"]
    return "\n".join(lines) + "\n"


def _cell(cell: Cell) -> str:
    text = {1: r"\textbf{%s}", 2: r"\underline{%s}"}.get(cell.mark, "%s") % cell.text.replace("–", "--")
    signs = cell.group + (r"\dagger" if cell.flag else "")
    return text + (f"$^{{{signs}}}$" if signs else "")


def _occurrence(dataset: str, here: DatasetComparison) -> str:
    """Areas under the ROC curve, a table of its own."""
    found = here.occurrence
    several = len(found.groups) > 1
    body = []
    for e in found.rows:
        columns = {**{au: e.aus[au] for au in here.aus}, MEAN: e.mean}
        cells = [_cell(Cell(short(one.auc), e.marks.get(au, 0))) for au, one in columns.items()]
        body.append([escape(e.name) + (f"$^{{{e.group}}}$" if several else ""), escape(e.scale), *cells])
    head = ["", "scale", *(au[2:] for au in here.aus), "Avg"]
    apart = "".join(f" {g.group}: another protocol ({escape(g.differs)})." for g in found.groups[1:])
    caption = f"{escape(dataset.upper())}: {escape(OCCURRENCE.format(found.threshold))}{apart}"
    return _plain(head, body, "ll" + "c" * (len(here.aus) + 1), caption)


def _speed(dataset: str, here: DatasetComparison) -> str:
    """ms and images a second, stages, size; what was not measured beside the others in brackets."""
    body = []
    for one in speed_table.lines(here):
        stages = [speed_table.figure(one.stages.get(stage)) for stage in speed_table.STAGES]
        cells = [*of_line(one), *stages, speed_table.size(one)]
        body.append([escape(one.name), *(escape(cell) for cell in cells)])
    if not body:
        return ""
    head = ["", "ms/image", "images/s", *speed_table.STAGES, "size"]
    about = escape(speed_table.about(here).replace("×", "x"))
    return _plain(head, body, f"l{'r' * (2 + len(speed_table.STAGES))}l", f"{escape(dataset.upper())}: {about}")


def _plain(head: list[str], body: list[list[str]], spec: str, caption: str) -> str:
    lines = [r"\begin{table}[p]", r"\centering", f"\\caption{{{caption}}}", r"\resizebox{\linewidth}{!}{%",
             f"\\begin{{tabular}}{{{spec}}}", r"\toprule", " & ".join(head) + r" \\", r"\midrule"]  # fmt: skip
    lines += [" & ".join(row) + r" \\" for row in body]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}}", r"\end{table}", ""])


def _caption(comparison: Comparison, what: str) -> str:
    parts = [f"ICC(3,1) and MAE, {what}. Bold: best; underlined: second."]
    ranked = comparison.options.published_ranked
    if any(here.published for here in comparison.datasets.values()):
        parts.append(
            "$^*$ printed elsewhere (ACM MM 2020, arXiv 2008.08862), "
            f"{'ranked' if ranked else 'not ranked'} with ours. "
            r"$^\dagger$ does not follow from its cells."
        )
    for dataset, here in comparison.datasets.items():
        if note := few_people(here):
            parts.append(f"{escape(dataset)}: {escape(note)}.")
        for group in here.groups[1:]:
            parts.append(
                f"{group.group}: another protocol on {escape(dataset)} ({escape(group.differs)}), ranked apart."
            )
    return " ".join(parts)
