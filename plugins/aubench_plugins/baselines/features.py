"""A frozen extractor's maps as rows of numbers for linear models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch

from aubench.contracts import REGIONS, Extractor, Features, Frames
from aubench.discovery import build
from aubench.progress import progress

BATCH = 64
Matrix = npt.NDArray[np.float32]
Offered = Callable[[int, int], Iterable[Features]]
"""Features, computed before, of the pictures from the first number to the second, batch by batch."""


def batches(images: npt.NDArray[np.uint8]) -> Iterator[torch.Tensor]:
    """uint8 (n, h, w, 3) as float RGB in [0, 1] (<= 64, 3, h, w)."""
    for start in range(0, len(images), BATCH):
        part = torch.from_numpy(np.array(images[start : start + BATCH]))
        yield part.permute(0, 3, 1, 2).float() / 255.0


def stored(images: torch.Tensor) -> torch.Tensor:
    """The same pictures after the rounding to 8 bits that every stored frame has been through."""
    return (images.clamp(0.0, 1.0) * 255.0).round() / 255.0


class Reader:
    """Flattens the five regions' maps and keeps, of each, the ``columns`` numbers that vary most over the first
    pictures that it is shown: a region's map is zero wherever the parser never sees the region."""

    def __init__(self, extractor: str, config: dict[str, object], columns: int) -> None:
        self._extractor: Extractor = build("extractor", extractor, config)
        self._limit = columns
        self._keep: dict[str, torch.Tensor] = {}

    def weights(self) -> list[torch.Tensor]:
        """The extractor's."""
        module = self._extractor
        return list(module.state_dict().values()) if isinstance(module, torch.nn.Module) else []

    def read(self, pictures: Iterator[torch.Tensor], count: int, what: str) -> Matrix:
        """Rows (n, d) for batches of ``count`` RGB images in [0, 1]; ``what`` they are is shown with the progress."""
        # Convolutions run a quarter faster on pictures laid out so, and keep that layout.
        laid_out = (batch.contiguous(memory_format=torch.channels_last) for batch in pictures)
        return self.rows(map(self._extractor.features, laid_out), count, what)

    def rows(self, features: Iterable[Features], count: int, what: str) -> Matrix:
        """Rows (n, d) for features of ``count`` pictures, batch by batch. The first call fixes the columns, from 512
        pictures."""
        waiting: list[Features] = []
        rows: list[Matrix] = []
        done = 0
        with torch.inference_mode(), progress(f"reading {what}", count, "pictures") as advance:
            for batch in features:
                done += len(batch)
                advance(done)
                waiting.append(batch)
                if not self._keep:
                    if sum(map(len, waiting)) < 512:
                        continue
                    self._choose(waiting)
                rows += [self._flatten(features) for features in waiting]
                waiting = []
            if waiting:
                if not self._keep:
                    self._choose(waiting)
                rows += [self._flatten(features) for features in waiting]
        return np.concatenate(rows)

    def frames(self, frames: Frames, what: str, offered: Offered | None = None) -> Matrix:
        """Rows of all frames, from features that were ``offered`` where there are any."""
        if offered is not None:
            return self.rows(offered(0, len(frames)), len(frames), what)
        return self.read(batches(frames.images), len(frames), what)

    def _choose(self, seen: list[Features]) -> None:
        for region in REGIONS:
            flat = torch.cat([features.maps[region].flatten(1).float() for features in seen])
            variance = flat.var(dim=0)
            kept = min(self._limit, int((variance > 0).sum()))
            self._keep[region] = torch.topk(variance, kept).indices.sort().values

    def _flatten(self, features: Features) -> Matrix:
        parts = [features.maps[region].flatten(1)[:, self._keep[region]].float() for region in REGIONS]
        return torch.cat(parts, dim=1).cpu().numpy()


class Scale:
    """Brings every column of one domain to mean 0 and spread 1. A drawn and a photographed face differ most in
    these two, so each domain gets its own."""

    def __init__(self, rows: Matrix) -> None:
        self._mean = rows.mean(axis=0)
        spread = rows.std(axis=0)
        # Columns that hardly vary would be blown up to nothing but noise.
        self._spread = np.maximum(spread, 0.1 * float(np.median(spread)) + 1e-8)

    def __call__(self, rows: Matrix) -> Matrix:
        scaled: Matrix = (rows - self._mean) / self._spread
        return scaled
