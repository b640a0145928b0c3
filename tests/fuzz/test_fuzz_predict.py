"""`aubench predict` as a whole, with a tiny network: damaged pictures and videos in, a table or one line out."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
from finished_run import finished_run
from fuzzing import command, fuzzed
from hypothesis import strategies as st
from mutation import NASTY_CELLS
from test_fuzz_images import _ANY, SUFFIXES, png
from test_fuzz_videos import VIDEOS

from aubench.predict.sources import open_source

_FILES = st.one_of(st.tuples(st.sampled_from(SUFFIXES), _ANY), VIDEOS, VIDEOS)
_NAMES = st.sampled_from(("p", "=HYPERLINK(1)", "@SUM(1)", "a,b", 'q"', "\udce9", "é\n", "-1", "x" * 100))


@fuzzed(
    st.tuples(st.booleans(), st.lists(st.tuples(_FILES, _NAMES), min_size=1, max_size=3), st.booleans()), examples=15
)
def test_predict(given: tuple[bool, list[tuple[tuple[str, bytes], str]], bool], folder: Path) -> None:
    many, files, strict = given
    inside = folder / "in"
    inside.mkdir()
    for number, ((suffix, data), name) in enumerate(files if many else files[:1]):
        (inside / f"{name}{number}{suffix}").write_bytes(data)
    if many:
        (inside / "good.png").write_bytes(png(40, 40, rows=40))
    run = folder / "run"
    for name in ("model.json", "model.safetensors", "config.yaml"):
        run.mkdir(exist_ok=True)
        (run / name).write_bytes(finished_run()[name])
    out = folder / "out.csv"
    source = inside if many else next(inside.iterdir())
    command(
        "predict",
        os.fspath(source),
        "--out",
        str(out),
        "--run",
        str(run),
        "--frames",
        "40",
        *(["--strict"] if strict else []),
    )
    rows = list(csv.DictReader(out.open(encoding="utf-8", newline="")))
    assert rows, "exit code 0 and no row"
    before = 0
    for row in rows:
        assert int(row["frame"]) >= max(before, 1)
        before = int(row["frame"])
        for name, cell in row.items():
            if name.startswith("AU"):
                assert (cell == "") == (row["success"] == "0"), f"{name} is {cell!r}"
                assert not cell or 0 <= float(cell) <= 5
        assert not row.get("file", "").startswith(("=", "+", "-", "@")), "a formula in a cell"
    json.loads(Path(f"{out}.json").read_text(encoding="utf-8"))
    assert not list(folder.glob("*.partial"))


@fuzzed(
    st.one_of(st.sampled_from([each for each in NASTY_CELLS if "\0" not in each]), st.text(max_size=20)), examples=20
)
def test_names_of_inputs(name: str, folder: Path) -> None:
    for shot in open_source(name):
        assert shot.image.dtype == np.uint8
        break
