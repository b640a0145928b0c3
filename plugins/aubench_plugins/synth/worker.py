"""Drawing a share of the frames into a store under construction; also run as ``python -m``, one process for each core.

Frames are drawn in chunks. A chunk has its own rows of ``frames.npy`` and, once they are written, a marker file, so
that workers never wait for one another and a killed job goes on where it stopped. Which worker draws a chunk does not
matter: every frame has its own seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aubench.processes import leave_with_parent

from . import SynthConfig
from .schedule import Schedule, make

CHUNK = 40
FRAMES = "frames.npy"


def chunks(rows: int) -> list[slice]:
    return [slice(start, min(start + CHUNK, rows)) for start in range(0, rows, CHUNK)]


def marker(folder: Path, part: slice) -> Path:
    return folder / "drawn" / f"{part.start:08d}"


def engine_options(config: SynthConfig) -> dict[str, object]:
    """Options of the engine that draws the people. An engine needs the option ``gap`` only where there is one."""
    return {"size": config.size, **({"gap": config.gap} if config.gap else {})}


def draw_share(config: SynthConfig, schedule: Schedule, folder: Path, index: int, of: int) -> Iterator[slice]:
    """Draw every ``of``-th chunk from the ``index``-th on that has no marker yet; yields each when it is on disk."""
    todo = [part for part in chunks(len(schedule))[index::of] if not marker(folder, part).exists()]
    if not todo:
        return
    from aubench.discovery import build

    engine = build("renderer", config.engine, engine_options(config))
    frames = np.lib.format.open_memmap(folder / FRAMES, mode="r+")
    for part in todo:
        frames[part] = _draw(engine, schedule, part)
        frames.flush()
        marker(folder, part).touch()
        yield part


def _draw(engine: object, schedule: Schedule, part: slice) -> npt.NDArray[np.uint8]:
    import torch

    from aubench.contracts import Engine
    from aubench.errors import UserError
    from aubench.parameters import BROW_SIZE, FacialParameters

    if not isinstance(engine, Engine):
        raise UserError(
            f"{type(engine).__name__} is a renderer but not an engine: it cannot render synthetic people.",
            code="plugin-unsupported",
        )
    parameters = FacialParameters(
        torch.from_numpy(schedule.pose[part]),
        torch.from_numpy(schedule.au[part]),
        torch.from_numpy(schedule.identity[part]),
        torch.from_numpy(np.eye(BROW_SIZE, dtype=np.float32)[schedule.brow[part]]),
    )
    drawn = engine.draw(
        parameters,
        style="photo",
        looks=schedule.look[part].tolist(),
        shots=schedule.shot[part].tolist(),
        nuisance=schedule.nuisance[part],
    )
    image = drawn.image.detach().cpu().clamp(0.0, 1.0).permute(0, 2, 3, 1).numpy()
    return np.rint(image * 255.0).astype(np.uint8)


def main(arguments: list[str]) -> None:
    """``worker FOLDER INDEX OF``; the configuration lies in the folder."""
    folder, index, of = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    leave_with_parent()
    config = SynthConfig.model_validate_json((folder / "config.json").read_text(encoding="utf-8"))
    for _ in draw_share(config, make(config), folder, index, of):
        pass


if __name__ == "__main__":
    main(sys.argv[1:])
