"""Label statistics as a figure: for each data set, bars of intensities beside the matrix of what goes together."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aubench.data.stats import LEVELS, LabelStatistics
from aubench.errors import UserError
from aubench.stamp import figure_metadata

SUFFIXES = {".png": "png", ".svg": "svg", ".pdf": "pdf", ".jpg": "jpg", ".jpeg": "jpg"}


def check_format(path: Path) -> str:
    """The format that a file's name asks for. Raises ``UserError`` for others."""
    try:
        return SUFFIXES[path.suffix.lower()]
    except KeyError:
        raise UserError(f"{path}: the suffix of a figure must be {', '.join(SUFFIXES)}", code="output-suffix") from None


def draw(all_statistics: Sequence[LabelStatistics], form: str = "png") -> bytes:
    """The figure as a file's bytes, one row for each data set that has labels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [each for each in all_statistics if each.aus]
    if not shown:
        raise UserError(
            "no AU of these data sets is annotated, so there is nothing to draw; leave out --figure",
            code="labels-missing",
        )
    heights = [0.34 * len(each.aus) + 1.6 for each in shown]
    figure = Figure(figsize=(13, sum(heights)), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(shown), 2, squeeze=False, height_ratios=heights, width_ratios=(1.25, 1))
    for each, (bars, matrix) in zip(shown, axes, strict=True):
        _bars(bars, each)
        _matrix(matrix, each)
    buffer = io.BytesIO()
    # No date inside: equal statistics give equal files.
    dateless: dict[str, dict[str, object]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    options = figure_metadata(form, "statistics")
    options["metadata"] = {**options.get("metadata", {}), **dateless.get(form, {})}
    figure.savefig(buffer, format=form, **options)
    return buffer.getvalue()


def _bars(axes, each: LabelStatistics) -> None:  # type: ignore[no-untyped-def]
    """Share of the frames that tell something of an AU, by intensity 1 to 5, and present without one."""
    from matplotlib import colormaps

    names = [au.au for au in each.aus]
    places = np.arange(len(names))
    told = np.array([max(1, au.coded + au.unmeasured) for au in each.aus])
    left = np.zeros(len(names))
    for level in range(1, LEVELS):
        share = np.array([au.levels[level] for au in each.aus]) / told
        axes.barh(places, share, left=left, color=colormaps["viridis_r"](level / LEVELS), label=str(level))
        left += share
    unmeasured = np.array([au.unmeasured for au in each.aus]) / told
    if unmeasured.any():
        axes.barh(places, unmeasured, left=left, color="0.85", hatch="///", edgecolor="0.5", label="present")
        left += unmeasured
    for place, au, end in zip(places, each.aus, left, strict=True):
        missing = f", {au.missing} missing" if au.missing else ""
        axes.text(end, place, f"  {au.subjects} subjects{missing}", va="center", fontsize=8, color="0.35")
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlim(0, max(0.05, float(left.max()) * 1.3))
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel("share of coded frames; the rest is 0")
    axes.legend(title="intensity", fontsize=8, frameon=False)
    part = "" if each.part == "all" else f", {each.part}"
    axes.set_title(
        f"{each.dataset}{part}: {each.subjects} subjects, {each.sequences} sequences, {each.frames} frames", loc="left"
    )


def _matrix(axes, each: LabelStatistics) -> None:  # type: ignore[no-untyped-def]
    """Of the frames with the row's AU, the share with the column's."""
    names = [au.au for au in each.aus]
    given = each.given()
    axes.imshow(given, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    for row in range(len(names)):
        for column in range(len(names)):
            share = given[row, column]
            text = "–" if np.isnan(share) else f"{100 * share:.0f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color="w" if share > 0.6 else "0.2")
    axes.set_xticks(np.arange(len(names)), names, rotation=90, fontsize=8)
    axes.set_yticks(np.arange(len(names)), names, fontsize=8)
    axes.set_title(f"percent of frames with the row's AU (≥ {each.threshold:g}) that show the column's", fontsize=9)
