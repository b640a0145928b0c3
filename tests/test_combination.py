"""Descriptions of models that this version cannot read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from refusals import refused
from torch import nn

from aubench.combination import SHIPPED, Choice, Combination
from aubench.errors import UserError


@pytest.mark.parametrize(
    ("change", "values"),
    [
        ({"format": 2, "aubench": "3.1.0"}, ["aubench 3.1.0", "format 1"]),
        ({"aus": ["AU01"]}, ["AU01", "AU02"]),
        ({"extractor": {}}, ["model.json"]),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(
    change: dict[str, object], values: list[str], tmp_path: Path
) -> None:
    card = json.loads((SHIPPED / "regressor.json").read_text(encoding="utf-8"))
    (tmp_path / "model.json").write_text(json.dumps(card | change), encoding="utf-8")
    with refused("model-invalid", *values) as told:
        Combination.load(tmp_path)
    assert "\n" not in str(told.value)


def changed(values: Any, place: str, new: Any) -> Any:
    """A copy of nested values with one replaced, dotted; one that is ``...`` is taken out."""
    key, _, rest = place.partition(".")
    copy = dict(values)
    if rest:
        copy[key] = changed(copy[key], rest, new)
    elif new is ...:
        copy.pop(key, None)
    else:
        copy[key] = new
    return copy


@pytest.mark.parametrize("place", ["format", "extractor", "extractor.name", "extractor.config", "extractor.digest",
                                   "regressor.name", "regressor.config", "renderer.name", "size", "aus", "plugins",
                                   "weights_sha256"])  # fmt: skip
def test_entries_of_a_wrong_kind_are_refused(place: str, tmp_path: Path) -> None:
    card = json.loads((SHIPPED / "regressor.json").read_text(encoding="utf-8"))
    for new in (3, -1, 0, 10**30, 1.5, float("nan"), "x", "\0", [1], {"a": 1}, [[]], True):
        if (place, new) in (("extractor.digest", "x"), ("extractor.digest", "\0")) or (place == "size" and new == 3):
            continue  # possible, and found when the extractor is there
        (tmp_path / "model.json").write_text(json.dumps(changed(card, place, new)), encoding="utf-8")
        with pytest.raises(UserError):
            Combination.load(tmp_path)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "3", "null", '{"format": 1}', "\ufeff{}", '{"format": ' + "9" * 5000 + "}"]
)
def test_text_that_is_no_description_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(text, encoding="utf-8")
    with refused("model-invalid", "model.json"):
        Combination.load(tmp_path)


def test_a_network_of_impossible_size_is_refused(tmp_path: Path) -> None:
    card = json.loads((SHIPPED / "regressor.json").read_text(encoding="utf-8"))
    for place, new in (("regressor.config.hidden", 10**15), ("size", 1)):
        (tmp_path / "model.json").write_text(json.dumps(changed(card, place, new)), encoding="utf-8")
        with pytest.raises(UserError):
            Combination.load(tmp_path)


def test_weights_that_were_altered_since_they_were_saved_are_refused(tmp_path: Path) -> None:
    made = Combination.__new__(Combination)
    made.extractor_choice, made.regressor_choice = Choice("bisenet"), Choice("fpr")
    made.extractor_digest, made.size, made.renderer_choice = "0", 8, None
    made.regressor, made.standardiser = nn.Linear(2, 2), nn.Linear(2, 2)
    made.save(tmp_path)
    file = tmp_path / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-3] ^= 1  # one bit of one number, which is as finite as before
    file.write_bytes(data)
    with refused("file-altered", file):
        Combination.load(tmp_path)


def test_shipped_weights_are_checked_and_older_models_load(tmp_path: Path) -> None:
    for name in ("regressor.json", "regressor.safetensors"):
        shutil.copy(SHIPPED / name, tmp_path)
    card = json.loads((tmp_path / "regressor.json").read_text(encoding="utf-8"))
    with (tmp_path / "regressor.safetensors").open("r+b") as file:
        file.seek(-1000, 2)
        file.write(b"\0\0")
    with refused("file-altered", "regressor.safetensors"):
        Combination.load(tmp_path, "regressor")
    (tmp_path / "regressor.json").write_text(json.dumps(changed(card, "weights_sha256", ...)), encoding="utf-8")
    with torch.no_grad():
        assert Combination.load(tmp_path, "regressor").size == card["size"]
