"""The overlay: a second pass over the source that draws what the first one read."""

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
from aubench.files import atomic_write_bytes
from aubench.parameters import SIZE, FacialParameters
from aubench.predict.ahead import ahead
from aubench.predict.align import Image
from aubench.predict.film import Film
from aubench.predict.panel import MOST, Panel, Shown
from aubench.predict.readings import Readings
from aubench.predict.sources import Shot, Source
from aubench.predict.table import cannot_write
from aubench.stamp import picture_bytes

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
    """Write ``path``: input with boxes | for each face, the rendered face and AU bars, at the rate of the source, with
    the intensities of ``readings`` as they are (calibrated, where they were). A ``path`` that ends in .png gets the
    first picture alone, any other a video (mp4).

    Raises :class:`UserError` for a source that cannot be read twice and a file that cannot be written.
    """
    check_twice(source)
    if not len(readings):
        raise UserError(f"{source.name}: there is nothing to draw in {path}", code="file-empty")
    pictures = _pictures(source, readings, renderer, progress)
    if Path(path).suffix.lower() == ".png":
        first = next(pictures, None)
        if first is None:
            raise UserError(f"{source.name}: there is nothing to draw in {path}", code="file-empty")
        try:
            atomic_write_bytes(path, picture_bytes(first, ".png", "overlay"))
        except OSError as error:
            raise cannot_write(path, error) from None
        return
    rate = Fraction(source.rate).limit_denominator(30000) if source.rate else IMAGES_PER_SECOND
    with Film(path, rate, "overlay") as film:
        for picture in pictures:
            film.add(picture)


def _pictures(
    source: Source, readings: Readings, renderer: Renderer, progress: Callable[[int], object]
) -> Iterator[Image]:
    """The pictures of the overlay, each with every face that has a place beside the input."""
    panel: Panel | None = None
    places = _places(readings)
    count = max(1, min(MOST, len(places) or _most_at_once(readings)))
    for shots in _batches(_read_before(source, int(readings.frame[-1]))):
        rows = _rows_of(readings, shots)
        where = [[places.get(int(readings.face[row]), order) for order, row in enumerate(own)] for own in rows]
        both = [pair for own, at in zip(rows, where, strict=True) for pair in zip(own, at, strict=True)]
        wanted = [row for row, place in both if place < count]
        drawn = _draw(renderer, readings.parameters[wanted])
        for shot, own, at in zip(shots, rows, where, strict=True):
            panel = panel or Panel(shot.image.shape[1], shot.image.shape[0], count)
            faces = [
                _shown(readings, row, place, next(drawn) if place < count else None)
                for row, place in zip(own, at, strict=True)
            ]
            yield panel.picture(shot.image, faces, _caption(shot))
            progress(shot.number)


def _places(readings: Readings) -> dict[int, int]:
    """A place beside the input for every face of a source, so that a face keeps its place; none where there are more
    faces than places: each picture then fills them in order."""
    faces = np.unique(readings.face[readings.success]).tolist()
    return {int(face): place for place, face in enumerate(faces)} if len(faces) <= MOST else {}


def _most_at_once(readings: Readings) -> int:
    """The greatest number of faces in one picture."""
    return int(np.unique(readings.frame[readings.success], return_counts=True)[1].max(initial=0))


def check_twice(source: Source) -> None:
    """Raises :class:`UserError` for a source that cannot be read a second time."""
    if not source.rereadable:
        raise UserError(
            f"{source.name}: --overlay needs its input twice; record the camera to a file first",
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


def _shown(readings: Readings, row: int, place: int, drawn: Image | None) -> Shown:
    number = int(readings.face[row])
    return Shown(number, readings.box[row], readings.points[row], readings.intensities[row], drawn, place)


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
