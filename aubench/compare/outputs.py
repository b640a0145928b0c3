"""The outputs of a comparison, all of them functions of it: JSON, CSV, Markdown, LaTeX, and one HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aubench.compare import html, latex, markdown, tables
from aubench.compare.schema import Comparison
from aubench.compare.scoring import ScoreMatrix
from aubench.files import atomic_write_text

NAME = "comparison"


def write_comparison(folder: Path, comparison: Comparison, matrices: Mapping[str, ScoreMatrix]) -> dict[str, Path]:
    """Write ``comparison.{json,csv,md,tex,html}`` into ``folder``; returns suffix to path."""
    texts = {
        "json": comparison.to_json(),
        "csv": tables.tidy(comparison),
        "md": markdown.page(comparison),
        "tex": latex.document(comparison),
        "html": html.page(comparison, matrices),
    }
    paths = {suffix: folder / f"{NAME}.{suffix}" for suffix in texts}
    for suffix, text in texts.items():
        atomic_write_text(paths[suffix], text)
    return paths
