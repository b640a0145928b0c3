"""AU intensities as a figure: over time, of several pictures, or of one."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aubench.errors import UserError, did_you_mean
from aubench.facs import ACTION_UNITS
from aubench.files import atomic_write_bytes
from aubench.parameters import AU_NAMES
from aubench.predict.readings import Readings
from aubench.predict.table import cannot_write
from aubench.stamp import figure_metadata

DEFAULT_AUS = ("AU04", "AU06", "AU12", "AU25")
FORMATS = ("png", "svg", "pdf")
NAMED, LONGEST = 40, 24
"""So many pictures are named below a figure, with so many letters of their names."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, told apart by the colour-blind too."""


def parse_aus(text: str) -> tuple[str, ...]:
    """``"AU4,AU06"`` as names of :data:`AU_NAMES`. Raises :class:`UserError` for one that is not there."""
    names = []
    for part in filter(None, (piece.strip().upper() for piece in text.split(","))):
        number = part.removeprefix("AU")
        name = f"AU{int(number):02d}" if number.isdecimal() else part
        if name not in AU_NAMES:
            raise UserError(f"--plot-aus: no AU named {part!r}. {did_you_mean(name, AU_NAMES)}", code="name-unknown")
        names.append(name)
    if not names:
        raise UserError(f"--plot-aus names no AU; for example {','.join(DEFAULT_AUS)}", code="option-invalid")
    return tuple(dict.fromkeys(names))


def check_format(path: str | Path) -> str:
    """The figure's format by its suffix. Raises :class:`UserError` for another than :data:`FORMATS`."""
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise UserError(
            f"{path}: a figure must be .{', .'.join(FORMATS)}, not {'.' + suffix if suffix else 'without a suffix'}",
            code="output-suffix",
        )
    return suffix


def plot(readings: Readings, path: str | Path, aus: Sequence[str] = DEFAULT_AUS, *, title: str = "") -> str:
    """Draw the readings into ``path`` and say in a few words what the figure shows.

    A video: one row of axes per AU over seconds, a line per face; gaps where none was found. Pictures, which have no
    order in time: points over their names. One picture: bars of all AUs, for each face.
    """
    form = check_format(path)
    names = dict(zip(readings.frame.tolist(), readings.names, strict=True))
    if len(names) == 1 and np.isnan(readings.time).any():
        figure, told = _bars(readings), "bars of all AUs"
    else:
        figure = _over_time(readings, aus, names)
        told = f"{'points' if any(readings.names) else 'curves'} of {', '.join(aus)}"
    if title:
        figure.suptitle(title, fontsize=10)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, dpi=150, **figure_metadata(form, "plot"))
    try:
        atomic_write_bytes(path, buffer.getvalue())
    except OSError as error:
        raise cannot_write(path, error) from None
    return told


def _bars(readings: Readings) -> Any:
    """A figure of one picture: a bar for each AU and face."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = np.flatnonzero(readings.success)
    thick = 0.8 / max(1, len(rows))
    figure = Figure(figsize=(8.0, 1.4 + len(ACTION_UNITS) * max(0.26, 0.12 * len(rows))), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    places = np.arange(len(ACTION_UNITS))
    for order, row in enumerate(rows):
        at = places + (order - (len(rows) - 1) / 2) * thick
        label, colour = f"face {readings.face[row]}", COLOURS[order % len(COLOURS)]
        axes.barh(at, readings.intensities[row], thick, color=colour, label=label)
    axes.set_yticks(places, [f"{unit.key} {unit.name}" for unit in ACTION_UNITS], fontsize=8)
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlim(0, 5.1)
    axes.set_xlabel("intensity, 0 to 5" if len(rows) else "no face was found", fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if len(rows) > 1:
        axes.legend(fontsize=8, frameon=False, loc="lower right")
    return figure


def _over_time(readings: Readings, aus: Sequence[str], names: Mapping[int, str]) -> Any:
    """A figure of a video, or of unrelated pictures."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    timed, named = not np.isnan(readings.time).any(), any(readings.names)
    x = readings.time if timed else readings.frame.astype(float)
    titles = {unit.key: f"{unit.key} {unit.name}" for unit in ACTION_UNITS}
    figure = Figure(figsize=(8.0, 0.6 + 1.15 * len(aus) + (1.0 if named else 0.0)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(aus), 1, sharex=True, squeeze=False)[:, 0]
    frames, first = np.unique(readings.frame, return_index=True)
    for axes, au in zip(grid, aus, strict=True):
        values = readings.intensities[:, AU_NAMES.index(au)]
        for order, face in enumerate(np.unique(readings.face[readings.success])):
            # On the grid of all pictures, so that a face's absence breaks its line.
            own = readings.face == face
            line = np.full(len(frames), np.nan)
            line[np.searchsorted(frames, readings.frame[own])] = values[own]
            axes.plot(
                x[first], line, color=COLOURS[order % len(COLOURS)], label=f"face {face}",
                linewidth=0 if named else 1.2, markersize=4 if named else 3, clip_on=not named,
                marker="" if timed and len(frames) > 1 else "o",
            )  # fmt: skip
        axes.set_title(titles[au], loc="left", fontsize=9)
        axes.set_ylim(-0.1, 5.1)
        axes.set_yticks(range(6))
        axes.grid(alpha=0.25, linewidth=0.5)
        axes.tick_params(labelsize=8)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    if len(np.unique(readings.face[readings.success])) > 1:
        grid[0].legend(fontsize=8, frameon=False, ncols=4, loc="upper right")
    if named:
        every = -(-len(names) // NAMED)
        shown = list(names.items())[::every]
        labels = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for _, name in shown]
        grid[-1].set_xticks([number for number, _ in shown], labels, rotation=60, ha="right", rotation_mode="anchor")
    grid[-1].set_xlabel("seconds" if timed else "picture", fontsize=9)
    return figure
