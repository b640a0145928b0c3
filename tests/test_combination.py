"""Descriptions of models that this version cannot read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aubench.combination import SHIPPED, Combination
from aubench.errors import UserError


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2, "aubench": "3.1.0"}, "written by aubench 3.1.0.* reads form 1"),
        ({"aus": ["AU01"]}, "made for the AUs AU01, but this version has"),
        ({"extractor": {}}, "not the description of a model"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(change: dict[str, object], words: str, tmp_path: Path) -> None:
    card = json.loads((SHIPPED / "regressor.json").read_text(encoding="utf-8"))
    (tmp_path / "model.json").write_text(json.dumps(card | change), encoding="utf-8")
    with pytest.raises(UserError, match=words) as told:
        Combination.load(tmp_path)
    assert "\n" not in str(told.value)
