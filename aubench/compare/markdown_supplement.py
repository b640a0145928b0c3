"""Markdown beside the main tables: whether an AU is there at all, and what an answer costs."""

from __future__ import annotations

from aubench.compare import speed_table
from aubench.compare.schema import DatasetComparison
from aubench.compare.tables import OCCURRENCE, short
from aubench.report.markdown import number, table


def occurrence(here: DatasetComparison) -> str:
    """Areas under the ROC curve; rows of unlike protocols carry its letter."""
    found = here.occurrence
    several = len(found.groups) > 1
    body = []
    for e in found.rows:
        cells = []
        for au in here.aus:
            one = e.aus[au]
            undefined = "undefined" if one.note.startswith("undefined") else "–"
            cells.append(undefined if one.auc is None else marked(short(one.auc), e.marks.get(au)))
        spread = e.mean.auc_sd
        mean = marked(number(e.mean.auc), e.marks.get("mean"))
        more = f" ± {number(spread)}" if spread is not None else ""
        group = [f"{e.group} `{e.protocol}`"] if several else []
        body.append([e.name, e.scale, *group, mean + more, *cells])
    head = ["ROC AUC", "scale", *(["protocol"] if several else []), "mean", *(au[2:] for au in here.aus)]
    notes = [f"{e.name}: mean {e.mean.note}" for e in found.rows if e.mean.note]
    apart = [f"{g.group}: {g.differs}" for g in found.groups[1:]]
    below = "; ".join((*apart, *notes))
    return f"{OCCURRENCE.format(found.threshold)}\n\n{table(head, body)}" + (f"\n{below}.\n" if below else "")


def speed(here: DatasetComparison) -> str:
    """Milliseconds an image by stage, and size; empty where nothing is known."""
    lines = speed_table.lines(here)
    if not lines:
        return ""
    body = []
    for one in lines:
        stages = [speed_table.figure(one.stages.get(stage)) for stage in speed_table.STAGES]
        body.append([one.name, speed_table.source(one), *of_line(one), *stages, speed_table.size(one)])
    head = ["method", "where", "ms/image", "images/s", *speed_table.STAGES, "size"]
    return f"{speed_table.about(here)}\n\n{table(head, body)}"


def of_line(one: speed_table.Line) -> list[str]:
    """ms/image and images/s, in brackets where they were not measured beside the others."""
    words = [speed_table.figure(value) for value in (one.ms, one.images_per_s)]
    return words if one.measured or one.ms is None else [f"({word})" for word in words]


def marked(text: str, mark: int | None) -> str:
    """Best bold, second underlined."""
    return {1: f"**{text}**", 2: f"<u>{text}</u>"}.get(mark or 0, text)
