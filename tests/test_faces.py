"""`aubench faces`: the same frames for every run, chosen by their labels."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from refusals import refused
from run_folder import AUS, make_run

from aubench.compare import faces as module
from aubench.compare.faces import MARGIN, SIDE, faces
from aubench.compare.runs import open_run
from aubench.contracts import Frames


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two runs, frames whose grey level is their number, and renderers that draw the negative."""
    opened = [open_run(make_run(tmp_path / name, 1.0, seed)) for seed, name in enumerate(("one", "a-longer-name"))]
    truth = opened[0].truth
    images = np.repeat(np.arange(270, dtype=np.uint8)[:, None], 48, axis=1).reshape(270, 4, 4, 3) % 250
    frames = Frames("synth", images, *(truth[key].to_numpy() for key in ("subject", "sequence", "frame")))
    monkeypatch.setattr(module, "open_dataset", lambda name: SimpleNamespace(frames=lambda split: frames))
    monkeypatch.setattr(module, "_drawn", lambda run, images: 255 - images)
    return opened


def test_each_person_at_the_strongest_labelled_expression(runs):
    picture = faces(runs, "synth", 3)
    assert picture.shape == (3 * SIDE, MARGIN + 3 * SIDE, 3)
    truth = runs[0].truth
    for person in range(3):
        mine = truth[truth["subject"] == f"S{person:02d}"]
        grey = int(mine[AUS].sum(axis=1).idxmax()) % 250
        column = MARGIN + person * SIDE + SIDE // 2
        assert picture[SIDE // 2, column].tolist() == [grey] * 3
        assert picture[SIDE + SIDE // 2, column].tolist() == [255 - grey] * 3


def test_a_data_set_that_the_run_was_not_tested_on(runs):
    with refused("labels-missing", "disfa"):
        faces(runs, "disfa")
