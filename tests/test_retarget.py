"""Movements for other characters: ARKit shapes, their table, and what an engine is told to draw."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
import torch

from aubench.contracts import Drawn
from aubench.parameters import AU, AU_NAMES, IDENTITY, SIZE, FacialParameters
from aubench.predict.readings import NOBODY, Readings
from aubench.retarget import arkit
from aubench.retarget.character import character, pictures


def readings(intensities: np.ndarray, faces: list[int]) -> Readings:
    """One row for each picture; a head turned by half the range, eyes on a line that falls by 45 degrees."""
    count = len(faces)
    vectors = FacialParameters.base(count).vector().numpy().copy()
    vectors[:, :2] = 0.75
    points = np.zeros((count, 5, 2))
    points[:, 1] = 10.0
    made = Readings(
        np.arange(1, count + 1), np.arange(count) / 25, np.array(faces), np.ones(count), points,
        np.zeros((count, 4)), vectors, [""] * count,
    )  # fmt: skip
    return made.with_intensities(intensities)


def test_every_au_moves_a_shape_that_arkit_has():
    assert len(set(arkit.SHAPES)) == 52
    assert set(arkit.SHARES) == set(AU_NAMES)
    assert all(shape in arkit.SHAPES for shares in arkit.SHARES.values() for shape in shares)


def test_shapes_are_shares_of_the_scale_and_never_more_than_one():
    intensities = np.zeros((2, 23))
    intensities[0, AU_NAMES.index("AU12")] = 2.5
    intensities[1, [AU_NAMES.index(au) for au in ("AU10", "AU25")]] = 5.0
    found = arkit.shapes(intensities)
    at = {name: number for number, name in enumerate(arkit.SHAPES)}
    assert found[0, at["MouthSmileLeft"]] == found[0, at["MouthSmileRight"]] == 0.5
    assert found[0].sum() == 1.0
    assert found[1, at["MouthUpperUpLeft"]] == 1.0, "1.25 would be off the scale"


def test_the_table_has_a_row_for_each_picture_with_the_face():
    text = arkit.table(readings(np.zeros((4, 23)), [0, NOBODY, 1, 0]), 0, 25.0)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["Timecode"] for row in rows] == ["00:00:00:00.000", "00:00:00:03.000"]
    assert len(rows[0]) == 63
    assert rows[0]["BlendShapeCount"] == "61"
    assert float(rows[0]["HeadYaw"]) == pytest.approx(np.radians(20))
    assert float(rows[0]["HeadPitch"]) == pytest.approx(np.radians(12.5), abs=1e-6)
    assert float(rows[0]["HeadRoll"]) == pytest.approx(np.pi / 4, abs=1e-6)


def test_time_codes_count_pictures_within_a_second():
    codes = [arkit.timecode(number, 30000 / 1001) for number in (0, 29, 30, 59, 60, 107892)]
    assert codes == [
        "00:00:00:00.000", "00:00:00:29.000", "00:00:01:00.000", "00:00:01:29.000", "00:00:02:00.000",
        "00:59:59:29.000",
    ]  # fmt: skip


class Recorder:
    """An engine that paints the first AU's value and remembers who it was told to draw."""

    def __init__(self) -> None:
        self.told: list[FacialParameters] = []

    def sample(self, count: int, seed: int) -> FacialParameters:
        generator = torch.Generator().manual_seed(seed)
        return FacialParameters.from_vector(torch.rand(count, SIZE, generator=generator))

    def draw(self, parameters, *, style, looks=None, shots=None, nuisance=None):
        self.told.append(parameters)
        return Drawn(parameters.au[:, :1, None, None].expand(-1, 3, 4, 4).clone())


def test_the_character_moves_as_the_face_and_holds_still_without_it():
    intensities = np.zeros((4, 23))
    intensities[:, 0] = [0.0, 5.0, 2.0, 4.0]
    engine = Recorder()
    who = character(engine, 7)
    source = readings(intensities, [0, 0, NOBODY, 0])
    grey = [picture[0, 0, 0] / 255 for picture in pictures(engine, who, source, 0)]
    first = source.parameters[:, AU][:, 0]
    assert grey == pytest.approx([first[0], first[1], first[1], first[3]], abs=1 / 255)
    assert torch.equal(engine.told[0].identity, who.identity.expand(3, -1)), "each face once, on the character"
    assert not torch.equal(who.vector()[:, IDENTITY], character(engine, None).vector()[:, IDENTITY])
