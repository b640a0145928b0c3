"""AU intensities over time, as a figure."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aubench.errors import UserError, code_of_errno, did_you_mean
from aubench.facs import ACTION_UNITS
from aubench.files import atomic_write_bytes
from aubench.parameters import AU_NAMES
from aubench.predict.readings import Readings
from aubench.stamp import figure_metadata

DEFAULT_AUS = ("AU04", "AU06", "AU12", "AU25")
FORMATS = ("png", "svg", "pdf")
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, told apart by the colour-blind too."""


def parse_aus(text: str) -> tuple[str, ...]:
    """``"AU4,AU06"`` as names of :data:`AU_NAMES`. Raises :class:`UserError` for one that is not there."""
    names = []
    for part in filter(None, (piece.strip().upper() for piece in text.split(","))):
        number = part.removeprefix("AU")
        name = f"AU{int(number):02d}" if number.isdecimal() else part
        if name not in AU_NAMES:
            raise UserError(f"--plot-aus: no AU called {part!r}. {did_you_mean(name, AU_NAMES)}", code="name-unknown")
        names.append(name)
    if not names:
        raise UserError(f"--plot-aus names no AU; for example {','.join(DEFAULT_AUS)}", code="option-invalid")
    return tuple(dict.fromkeys(names))


def check_format(path: str | Path) -> str:
    """The figure's format by its suffix. Raises :class:`UserError` for another than :data:`FORMATS`."""
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise UserError(
            f"{path}: a figure is .{', .'.join(FORMATS)}, not {'.' + suffix if suffix else 'nameless'}",
            code="output-suffix",
        )
    return suffix


def plot(readings: Readings, path: str | Path, aus: Sequence[str] = DEFAULT_AUS, *, title: str = "") -> None:
    """One row of axes per AU over seconds (or pictures), a line per face; gaps where none was found."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    timed = not np.isnan(readings.time).any()
    x = readings.time if timed else readings.frame.astype(float)
    titles = {unit.key: f"{unit.key} {unit.name}" for unit in ACTION_UNITS}
    figure = Figure(figsize=(8.0, 0.6 + 1.15 * len(aus)), layout="constrained")
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
                x[first], line, color=COLOURS[order % len(COLOURS)], linewidth=1.2, label=f"face {face}",
                marker="" if timed and len(frames) > 1 else "o", markersize=3,
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
    grid[-1].set_xlabel("seconds" if timed else "picture", fontsize=9)
    if title:
        figure.suptitle(title, fontsize=10)
    buffer = io.BytesIO()
    form = check_format(path)
    figure.savefig(buffer, format=form, dpi=150, **figure_metadata(form, "plot"))
    try:
        atomic_write_bytes(path, buffer.getvalue())
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error})", code=code_of_errno(error.errno)
        ) from None
