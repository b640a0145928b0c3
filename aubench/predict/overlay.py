"""The overlay video: a second pass over the source that draws what the first one read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice, takewhile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from aubench.contracts import Renderer
from aubench.errors import UserError
from aubench.parameters import SIZE, FacialParameters
from aubench.predict.ahead import ahead
from aubench.predict.align import Image
from aubench.predict.film import Film
from aubench.predict.panel import Panel, Shown
from aubench.predict.readings import Readings
from aubench.predict.sources import Shot, Source

BATCH = 32
IMAGES_PER_SECOND = Fraction(1)


def write_overlay(
    source: Source,
    readings: Readings,
    renderer: Renderer,
    path: str | Path,
    *,
    progress: Callable[[int], object] = lambda pictures: None,
) -> None:
    """Write ``path``: input with boxes | rendered face | AU bars, at the rate of the source. The face drawn is the
    first of the picture, with the intensities of ``readings`` as they are (calibrated, where they were).

    Raises :class:`UserError` for a source that cannot be read twice and a file that cannot be written.
    """
    check_twice(source)
    if not len(readings):
        raise UserError(f"{source.name}: there is nothing to draw in {path}", code="file-empty")
    rate = Fraction(source.rate).limit_denominator(30000) if source.rate else IMAGES_PER_SECOND
    panel: Panel | None = None
    with Film(path, rate, "overlay") as film:
        for shots in _batches(_read_before(source, int(readings.frame[-1]))):
            rows = _rows_of(readings, shots)
            drawn = _draw(renderer, readings.parameters[[own[0] for own in rows if len(own)]])
            for shot, own in zip(shots, rows, strict=True):
                panel = panel or Panel(shot.image.shape[1], shot.image.shape[0])
                face = next(drawn) if len(own) else None
                shown = [] if face is None else [_shown(readings, row, face) for row in own]
                film.add(panel.picture(shot.image, shown, _caption(shot)))
                progress(shot.number)


def check_twice(source: Source) -> None:
    """Raises :class:`UserError` for a source that cannot be read a second time."""
    if not source.rereadable:
        raise UserError(
            f"{source.name}: --overlay reads its input twice; record the camera to a file first",
            code="source-unsupported",
        )


def _read_before(source: Source, last: int) -> Iterator[Shot]:
    """The pictures up to number ``last``, without those that cannot be read."""
    for shot in takewhile(lambda shot: shot.number <= last, ahead(source, BATCH)):
        if not shot.problem:
            yield shot


def _batches(shots: Iterator[Shot]) -> Iterator[list[Shot]]:
    while batch := list(islice(shots, BATCH)):
        yield batch


def _rows_of(readings: Readings, shots: list[Shot]) -> list[npt.NDArray[np.int64]]:
    """For each picture the rows of its faces."""
    low = np.searchsorted(readings.frame, [shot.number for shot in shots], side="left")
    high = np.searchsorted(readings.frame, [shot.number for shot in shots], side="right")
    return [np.arange(a, b)[readings.success[a:b]] for a, b in zip(low, high, strict=True)]


def _shown(readings: Readings, row: int, drawn: Image) -> Shown:
    number = int(readings.face[row])
    return Shown(number, readings.box[row], readings.points[row], readings.intensities[row], drawn)


@torch.inference_mode()
def _draw(renderer: Renderer, parameters: npt.NDArray[np.float32]) -> Iterator[Image]:
    """The faces of these parameters (b, 269), RGB uint8 each."""
    if not len(parameters):
        return iter(())
    vector = torch.from_numpy(parameters.reshape(-1, SIZE))
    if isinstance(renderer, torch.nn.Module):
        vector = vector.to(next(renderer.parameters()).device)
    image = renderer.draw(FacialParameters.from_vector(vector)).image
    pixels = (image.float().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return iter(pixels.cpu().numpy())


def _caption(shot: Shot) -> str:
    return shot.name or (f"frame {shot.number}" if shot.time is None else f"frame {shot.number}  {shot.time:.2f} s")
