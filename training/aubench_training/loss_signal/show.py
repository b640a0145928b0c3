"""A measurement on a terminal, as a page and as a figure."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aubench.files import atomic_write_bytes, atomic_write_text
from aubench.parameters import POSE_NAMES
from aubench.report.markdown import number, table
from aubench.stamp import figure_metadata

from .gradients import ANSWER, GROUPS
from .model import LossSignal, OfDataset, OfGroup, OfLoss

RECORD, PAGE, FIGURE = "loss-signal.json", "loss-signal.md", "loss-signal.png"
TITLES = {"pose": "pose", "au": "AUs", "identity": "identity", "brow": "brow"}
NOTHING = "none"
"""In place of the correlation of a parameter that the loss does not move."""


def write(found: LossSignal, folder: Path) -> None:
    """Write ``loss-signal.json``, ``.md`` and ``.png`` into ``folder``. Raises ``OSError`` as the system gives it."""
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write_text(folder / RECORD, found.model_dump_json(indent=1) + "\n")
    atomic_write_text(folder / PAGE, page(found))
    atomic_write_bytes(folder / FIGURE, figure(found))


def tell(found: LossSignal, console: Console) -> None:
    """Print the tables."""
    for each in found.datasets:
        for title, header, rows in _tables(found, each):
            shown = Table(title=Text(f"{each.name}: {title}"), title_justify="left")
            for place, column in enumerate(header):
                shown.add_column(Text(column), justify="right" if place else "left", overflow="fold")
            for row in rows:
                shown.add_row(*map(Text, row), end_section=row[0] == "mean")
            console.print(shown)


def page(found: LossSignal) -> str:
    """The measurement as Markdown."""
    lines = [
        "# What each loss tells the regressor\n",
        f"Model {found.model}, answers {_at(found)}; nothing was trained. Labels of training frames were read, for the "
        "comparison only.\n",
        f"![correlation by loss and AU]({FIGURE})\n",
    ]
    for each in found.datasets:
        lines.append(f"## {each.name}\n")
        lines.append(f"{each.frames} frames of {each.people} people, digest `{each.digest[:16]}`.\n")
        for title, header, rows in _tables(found, each):
            lines += [f"**{title}**\n", table(header, rows)]
    lines += [_explanation(found), f"- command: `{found.command}`"]
    facts = {"seed": found.seed, "commit": found.commit, "machine": found.machine, "seconds": found.seconds}
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    return "\n".join(lines) + "\n"


def _tables(found: LossSignal, each: OfDataset) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    losses = each.losses
    rows = [
        [name, number(each.error_rms[name]), *(_correlation(loss, name) for loss in losses.values())]
        for name in (*each.aus, *(pose for pose in POSE_NAMES if each.error_rms[pose] is not None))
    ]
    mean = ["mean", "", *(_mean(loss) for loss in losses.values())]
    place = len(each.aus)
    yield (
        "correlation of -dL/dx with the error, and how often the signs agree",
        ["x", "error", *losses],
        [*rows[:place], mean, *rows[place:]],
    )
    yield (
        "where the gradient reaches, and how large it is",
        ["loss", *TITLES.values()],
        [[name, *(_size(loss.groups[group]) for group in GROUPS)] for name, loss in losses.items()]
        + [["sampled loopback", *(_plain(found.loopback[group]) for group in GROUPS)]],
    )
    yield (
        "weight x gradient, as a share of the sampled loopback's",
        ["loss", "weight", *TITLES.values(), "through"],
        [
            [name, f"{loss.weight:g}", *(_share(loss.groups[group]) for group in GROUPS), _through(loss)]
            for name, loss in losses.items()
        ],
    )


def _correlation(loss: OfLoss, name: str) -> str:
    own = loss.parameters[name]
    if own.rms == 0:
        return NOTHING
    agreement = "" if own.agreement is None else f" ({own.agreement:.0%})"
    return ("–" if own.correlation is None else f"{own.correlation:+.2f}") + agreement


def _mean(loss: OfLoss) -> str:
    mean = loss.mean
    if mean.correlation is None:
        return NOTHING
    interval = "" if mean.low is None or mean.high is None else f" [{mean.low:+.2f}, {mean.high:+.2f}]"
    agreement = "" if mean.agreement is None else f" ({mean.agreement:.0%})"
    return f"{mean.correlation:+.2f}{interval}{agreement}"


def _size(group: OfGroup) -> str:
    return group.reach if group.reach != "yes" else f"{group.rms:.1e}"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}"


def _share(group: OfGroup) -> str:
    if group.reach != "yes":
        return "0"
    return "–" if group.share is None else f"{group.share:.2g}"


def _through(loss: OfLoss) -> str:
    return ", ".join(word for word in loss.through if word != ANSWER) or "–"


def _at(found: LossSignal) -> str:
    if found.at == "raw":
        return "to each frame by itself"
    return f"against each person's own calm frames (found of {found.persons} people)"


def _explanation(found: LossSignal) -> str:
    identity = "" if found.loopback["identity"] is not None else ", whose identity numbers are not the model's"
    lines = [
        "## What the numbers are\n",
        "- x: a parameter of the regressor's answer, in [0, 1]. Error: truth less answer, root mean square.",
        "- Cells of losses: the correlation over frames of −∂L/∂x with the error, and in brackets the share of frames "
        f"with an error above {found.threshold:g} in which their signs agree. The mean over AUs has its 95 % interval "
        f'over people in square brackets. "{NOTHING}": the gradient is zero.',
        "- Sizes: root mean square over frames and numbers of ∂L/∂x, unweighted; of the sampled loopback at the "
        f"answers to {found.loopback_faces} faces drawn by `{found.loopback_engine}`{identity}.",
        '- "no path": the loss does not depend on these numbers, by construction. "zero": it does, yet its gradient '
        "is zero on every frame.",
        "- Through: further answers of the regressor that a loss rests on, beside the answer to the frame. What they "
        "teach its weights is not measured here.",
        f"- The gradient is taken at the answer as if it were free, in batches of {found.batch} as in training.",
    ]
    return "\n".join(lines) + "\n"


def figure(found: LossSignal) -> bytes:
    """Correlation by loss and AU with the mean, one panel for each data set, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heights = [0.42 * len(each.losses) + 1.1 for each in found.datasets]
    width = 2.6 + 0.56 * max(len(each.aus) + 3 for each in found.datasets)
    drawn = Figure(figsize=(width, sum(heights) + 0.3), layout="constrained", dpi=130)
    FigureCanvasAgg(drawn)
    axes = drawn.subplots(len(found.datasets), 1, squeeze=False, height_ratios=heights)[:, 0]
    images = [_panel(panel, each, found) for each, panel in zip(found.datasets, axes, strict=True)]
    bar = drawn.colorbar(images[0], ax=list(axes), fraction=0.03, pad=0.01)
    bar.set_label("correlation")
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", **figure_metadata("png", "loss-signal"))
    return buffer.getvalue()


def _panel(panel, each: OfDataset, found: LossSignal):  # type: ignore[no-untyped-def]
    pose = [name for name in POSE_NAMES if each.error_rms[name] is not None]
    columns = ["mean", *each.aus, *pose]
    values = np.full((len(each.losses), len(columns)), np.nan)
    for row, loss in enumerate(each.losses.values()):
        for column, name in enumerate(columns):
            value = loss.mean.correlation if name == "mean" else loss.parameters[name].correlation
            values[row, column] = np.nan if value is None else value
    panel.set_facecolor("0.92")
    image = panel.imshow(values, cmap="RdBu", vmin=-0.6, vmax=0.6, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        known = not np.isnan(value)
        text, colour = (f"{value:+.2f}", "white" if abs(value) > 0.4 else "black") if known else ("none", "0.5")
        weight = "bold" if column == 0 and known else "normal"
        panel.text(column, row, text, ha="center", va="center", fontsize=8, color=colour, weight=weight)
    panel.set_xticks(range(len(columns)), columns, fontsize=8)
    panel.set_yticks(range(len(each.losses)), list(each.losses))
    for edge in (0.5, len(each.aus) + 0.5):
        panel.axvline(edge, color="black", linewidth=1.2)
    panel.tick_params(length=0)
    panel.set_title(
        f"{each.name}: −∂L/∂x against truth − answer, {each.frames} frames of {each.people} people, {found.at}",
        fontsize=9, loc="left",
    )  # fmt: skip
    return image
