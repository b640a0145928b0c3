"""The clip that ``aubench render clip`` draws, with an engine that draws nothing but its parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from refusals import assert_refused

from aubench import discovery
from aubench.cli import main
from aubench.cli.clip import acted
from aubench.contracts import Drawn
from aubench.parameters import FacialParameters


class Grey:
    """An engine whose pictures are as bright as the smile."""

    differentiable = False

    def __init__(self, size: int) -> None:
        self.size = size
        self.asked: list[dict[str, Any]] = []

    def draw(self, parameters: FacialParameters, **options: Any) -> Drawn:
        self.asked.append(options)
        bright = parameters.intensities()[:, 8] / 5
        return Drawn(bright.view(-1, 1, 1, 1).expand(-1, 3, self.size, self.size))

    def sample(self, count: int, seed: int) -> FacialParameters:
        raise NotImplementedError


@pytest.fixture
def grey(monkeypatch: pytest.MonkeyPatch) -> Grey:
    engine = Grey(64)
    monkeypatch.setattr(discovery, "build", lambda kind, name, config: engine)
    return engine


def test_moves_reach_their_intensity_one_after_the_other() -> None:
    intensities = acted(150, seed=0).intensities()
    brows, smile, jaw = (intensities[:, column] for column in (0, 8, 19))
    assert [round(float(x.max()), 1) for x in (brows, smile, jaw)] == [4.0, 4.0, 3.5]
    assert int(brows.argmax()) < int(smile.argmax()) < int(jaw.argmax())
    assert torch.equal(intensities[0], torch.zeros(23))
    assert torch.equal(acted(20, seed=0).identity[0], acted(30, seed=0).identity[9])
    assert not torch.equal(acted(20, seed=0).identity, acted(20, seed=1).identity)


def test_the_video_has_every_picture(grey: Grey, tmp_path: Path) -> None:
    out = tmp_path / "clip.mp4"
    assert main(["render", "clip", "--out", str(out), "--frames", "20", "--size", "64"]) == 0
    with av.open(str(out)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(pictures) == 20
    assert pictures[0].shape == (64, 64, 3)
    assert int(np.argmax([picture.mean() for picture in pictures])) in (9, 10)  # the smile is in the middle
    assert all(options["style"] == "photo" and options["nuisance"].shape == (1, 9) for options in grey.asked)
    assert [options["shots"] for options in grey.asked] == [[n] for n in range(20)]


@pytest.mark.parametrize(
    ("arguments", "code", "values"),
    [
        (["--out", "x.avi"], "output-suffix", ["x.avi", ".mp4"]),
        (["--out", "x.mp4", "--size", "65"], "option-invalid", ["--size 65", "66"]),
    ],
)
def test_mistakes_are_told_in_one_line(
    arguments: list[str], code: str, values: list[str], grey: Grey, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", "clip", *arguments]) == 2
    told = capsys.readouterr().err
    assert_refused(told, code, *values)
    assert told.count("\n") == 1


def test_a_renderer_without_looks_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Plain:
        size, differentiable = 64, True

        def draw(self, parameters: FacialParameters) -> Drawn:
            raise NotImplementedError

    monkeypatch.setattr(discovery, "build", lambda kind, name, config: Plain())
    assert main(["render", "clip", "--out", str(tmp_path / "x.mp4"), "--engine", "neural"]) == 2
