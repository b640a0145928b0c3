"""One page that holds everything: tables that stand without a script, pictures drawn by one, nothing loaded from afar.

The templates ``page.html``, ``sections.html`` and ``macros.html`` in ``assets`` write the tables from the models, with
every text escaped; ``page.js`` sorts them and draws the pictures from the data in the page, and ``page.css`` lays it
out for screens from 400 px, dark ones, and paper.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import JsonValue

from aubench import facs
from aubench.compare import page_data, speed_table
from aubench.compare.markdown import dropped, gap_to_best, span, warnings
from aubench.compare.method import LABELS
from aubench.compare.schema import Comparison, DatasetComparison, MethodRow
from aubench.compare.scoring import ScoreMatrix
from aubench.compare.tables import METRICS, OCCURRENCE
from aubench.report.markdown import number
from aubench.result_model import Interval
from aubench.stamp import stamp

PARTS = {
    "ranking": "Ranking",
    "units": "Per action unit",
    "explore": "Look closer",
    "tests": "Do they differ?",
    "occurrence": "Is it there?",
    "speed": "Speed and size",
    "basis": "What each row rests on",
}
"""Parts of a data set's section: the name of the macro that writes it, and its heading."""
_FIGURES = 3_000_000
"""Bytes of pictures (input beside rendered faces) that a page takes in."""
_UNITS = {unit.key: unit.name for unit in facs.ACTION_UNITS}


def page(comparison: Comparison, matrices: Mapping[str, ScoreMatrix]) -> str:
    """Write the page.

    Args:
        comparison: what is shown.
        matrices: the frames behind the pictures, by data set; without them there are no pictures of predictions.

    Returns:
        The HTML document.
    """
    frames = {
        name: page_data.payload(matrix, comparison.datasets[name].rows).to_dict() for name, matrix in matrices.items()
    }
    data = json.dumps({"datasets": frames, "names": _UNITS}, allow_nan=False).replace("<", "\\u003c")
    return (
        _environment()
        .get_template("page.html")
        .render(
            comparison=comparison,
            title=f"Action-unit intensity on {', '.join(comparison.datasets)}",
            contents={name: _parts(here) for name, here in comparison.datasets.items()},
            warnings=list(warnings(comparison)),
            figures=_figures(comparison),
            options={key.replace("_", " "): value for key, value in comparison.options.to_dict().items()},
            environments=_environments(comparison),
            data=data,
            style=_asset("page.css"),
            script=_asset("page.js"),
        )
    )


@functools.cache
def _environment() -> Environment:
    """The templates, and the functions that they call."""
    made = Environment(
        loader=PackageLoader("aubench.compare", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "LABELS": LABELS, "METRICS": METRICS, "OCCURRENCE": OCCURRENCE, "PARTS": PARTS, "STAGES": speed_table.STAGES,
        "dropped": dropped, "figure": speed_table.figure, "gap_to_best": gap_to_best, "number": number,
        "remarks": remarks, "span": span, "speed_about": speed_table.about, "speed_line": speed_table.line,
        "speed_lines": speed_table.lines, "speed_size": speed_table.size, "speed_source": speed_table.source,
        "stamp": stamp("comparison"), "unit_heads": unit_heads, "whisker": whisker,
    }  # fmt: skip
    return made


def _asset(name: str) -> str:
    return files("aubench.compare").joinpath(f"assets/{name}").read_text("utf-8")


def _parts(here: DatasetComparison) -> list[str]:
    """Parts that have something to show."""
    empty = {"tests": not here.tests.pairs, "speed": not speed_table.lines(here)}
    return [part for part in PARTS if not empty.get(part)]


def unit_heads(aus: Sequence[str]) -> list[tuple[str, str]]:
    """Heads of columns: AU, and its name in FACS."""
    return [(au, _UNITS.get(au, "")) for au in aus]


def whisker(value: float, ends: Interval, top: float) -> tuple[float, float, float]:
    """Where an interval's ends and its score are drawn, 0 to 100, on an axis from a tenth of ``top`` below 0 to it."""
    low, high, at = (max(0.0, min(1.0, (v + 0.1 * top) / (1.1 * top))) * 100 for v in (*ends, value))
    return low, high, at


def remarks(row: MethodRow) -> list[str]:
    """What a reader should know of a row, and what it lacks."""
    said = [*row.notes]
    if row.missing_aus:
        said.append(f"does not predict {', '.join(row.missing_aus)}")
    if row.missing_at:
        said.append(f"no reading at {'; '.join(row.missing_at)}")
    if row.not_annotated:
        said.append(f"also predicts {', '.join(row.not_annotated)}, which are not annotated here")
    return said


def _figures(comparison: Comparison) -> dict[str, str]:
    """The grids of input beside rendered faces that runs have, as base64 PNG, as far as the page can carry them."""
    shown: dict[str, str] = {}
    room = _FIGURES
    for here in comparison.datasets.values():
        for row in here.rows:
            path = Path(row.facts.figure or "")
            if row.name in shown or not path.is_file() or path.stat().st_size > room:
                continue
            room -= path.stat().st_size
            shown[row.name] = base64.b64encode(path.read_bytes()).decode("ascii")
    return shown


def _environments(comparison: Comparison) -> dict[str, dict[str, JsonValue]]:
    """What each run ran on, by the name of its row."""
    found: dict[str, dict[str, JsonValue]] = {}
    for here in comparison.datasets.values():
        for row in here.rows:
            if row.facts.environment:
                found.setdefault(row.name, row.facts.environment)
    return found
