"""The formats that commands write, for :func:`aubench.cli.outputs.guard`: their suffixes, and what is our own."""

from __future__ import annotations

import json
from pathlib import Path

from aubench.cli.outputs import Form, Output, stamped
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


def _holds(*names: str) -> Form:
    """JSON objects with these entries."""

    def is_ours(path: Path) -> bool:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return False
        return isinstance(content, dict) and set(names) <= content.keys()

    return Form((".json",), is_ours)


def _begins(suffix: str, words: str) -> Form:
    """Texts that begin in this way."""

    def is_ours(path: Path) -> bool:
        try:
            with path.open("rb") as file:
                return file.read(len(words.encode())) == words.encode()
        except OSError:
            return False

    return Form((suffix,), is_ours)


def _beside(suffix: str, card: Form) -> Form:
    """What lies beside a JSON file of ours that has the same name."""
    return Form((suffix,), lambda path: card.is_ours(path.with_suffix(".json")))


def _is_comparison_table(path: Path) -> bool:
    from aubench.compare.tables import is_tidy

    return is_tidy(path)


TABLE = Form((".csv",), _is_table)
RECORD = Form((".json",), _is_record)
PERSON = _holds("kind", "neutral", "model")
FILM_OVERLAY = stamped("overlay", ".mp4")
PICTURE_OVERLAY = stamped("overlay", ".png", ".mp4")
PLOT = stamped("plot", ".png", ".svg", ".pdf")
CHARACTER = stamped("character", ".mp4")
EXPORTS = {
    ".csv": Form((".csv",), _is_arkit),
    ".glb": stamped("head", ".glb"),
    ".bvh": Form((".bvh",), _is_turns),
}
CLIP = stamped("clip", ".mp4")
SHEET = stamped("sheet", *PICTURES)
STATISTICS = stamped("statistics", ".png", ".svg", ".pdf", ".jpg", ".jpeg")
CACHED = Form((), lambda path: True)
"""A file in the cache: all of it is ours."""
_MATRIX = _holds("matrix", "rows", "failures")
_ABLATION = _holds("rows", "seeds", "missing")
_LOSS_SIGNAL = _holds("kind", "loopback", "datasets")
_QUALITY = _holds("quality", "command")
_COMPARISON = _holds("format", "options", "datasets")


def matrix(folder: Path) -> list[Output]:
    """What `aubench run` writes beside its runs."""
    return [
        Output("--out", folder / "matrix.json", _MATRIX),
        Output("--out", folder / "matrix.md", _beside(".md", _MATRIX)),
    ]


def ablation(folder: Path) -> list[Output]:
    """What `aubench ablate` writes beside its runs."""
    return [
        *matrix(folder),
        Output("--out", folder / "ablation.json", _ABLATION),
        Output("--out", folder / "ablation.md", _beside(".md", _ABLATION)),
    ]


def loss_signal(folder: Path) -> list[Output]:
    """What `aubench loss-signal` writes."""
    return [
        Output("--out", folder / "loss-signal.json", _LOSS_SIGNAL),
        Output("--out", folder / "loss-signal.md", _begins(".md", "# What each loss tells the regressor\n")),
        Output("--out", folder / "loss-signal.png", stamped("loss-signal", ".png")),
    ]


def quality(folder: Path) -> list[Output]:
    """What `aubench pretrain` writes beside the weights."""
    return [
        Output("--out", folder / "quality.json", _QUALITY),
        Output("--out", folder / "quality.md", _beside(".md", _QUALITY)),
    ]


def comparison(folder: Path) -> list[Output]:
    """What `aubench compare` writes."""
    files = {
        "json": _COMPARISON,
        "csv": Form((".csv",), _is_comparison_table),
        "md": _begins(".md", "# Methods compared\n"),
        "tex": stamped("comparison", ".tex"),
        "html": stamped("comparison", ".html"),
    }
    return [Output("--out", folder / f"comparison.{suffix}", form) for suffix, form in files.items()]
