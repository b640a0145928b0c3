"""The formats that commands write, for :func:`aubench.cli.outputs.guard`: their suffixes, and what is our own."""

from __future__ import annotations

from pathlib import Path

from aubench.cli.outputs import Form, stamped
from aubench.stamp import PICTURES


def _is_table(path: Path) -> bool:
    from aubench.predict.table import is_table

    return is_table(path)


def _is_record(path: Path) -> bool:
    from aubench.predict.record import is_record

    return is_record(path)


def _is_arkit(path: Path) -> bool:
    from aubench.retarget.arkit import is_table

    return is_table(path)


def _is_turns(path: Path) -> bool:
    from aubench.retarget.bvh import is_ours

    return is_ours(path)


TABLE = Form((".csv",), _is_table)
RECORD = Form((".json",), _is_record)
FILM_OVERLAY = stamped("overlay", ".mp4")
PLOT = stamped("plot", ".png", ".svg", ".pdf")
CHARACTER = stamped("character", ".mp4")
EXPORTS = {
    ".csv": Form((".csv",), _is_arkit),
    ".glb": stamped("head", ".glb"),
    ".bvh": Form((".bvh",), _is_turns),
}
CLIP = stamped("clip", ".mp4")
SHEET = stamped("sheet", *PICTURES)
