"""What belongs to a training frame besides itself, for losses that compare frames: the frames before and after it,
another frame of the same subject, that subject's calm frames, and a warped copy."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from aubench.contracts import Features
from aubench.errors import UserError
from aubench.parameters import FacialParameters
from aubench.person import FEWEST, calmest

from .pools import Pools

Rows = npt.NDArray[np.int64]
BATCH_WORDS = (
    "neutral_features", "warped_features", "warped_strengths", "before_features", "after_features", "peer_features",
)  # fmt: skip
"""The words of :mod:`aubench.quantities` that :meth:`Beside.batch` gives."""
Read = Callable[[Features], FacialParameters]
KEPT = 256
"""Number of subjects whose neutrals are kept in memory; others are computed again from the cached features."""


class Beside:
    """Rows are those of the original training frames, all data sets laid end to end; augmented copies have nothing
    beside them. A batch is a function of the seed and the step."""

    def __init__(self, pools: Pools, seed: int, device: torch.device, read: Read) -> None:
        """``read``: the regressor that finds calm frames, when they are first asked for."""
        self.pools, self.seed, self.device, self._read = pools, seed, device, read
        parts = [part.frames for part in pools.parts[: len(pools.datasets)]]
        self.subject = _numbered([part.subject for part in parts])
        sequence = _numbered([part.sequence for part in parts])
        self.before, self.after = neighbours(self.subject, sequence, np.concatenate([part.frame for part in parts]))
        grouped = np.argsort(self.subject, kind="stable")
        self.members = np.split(grouped, np.cumsum(np.bincount(self.subject))[:-1])
        self._neutral = functools.lru_cache(maxsize=KEPT)(self._make_neutral)

    def usable(self, wanted: Iterable[str]) -> Rows:
        """Rows of the frames that have all that is ``wanted``. Raises ``UserError`` where there is none."""
        size = np.bincount(self.subject)[self.subject]
        conditions = {
            "neutral_features": (size >= FEWEST, f"whose subject has {FEWEST} frames"),
            "peer_features": (size >= 2, "whose subject has another one"),
            "before_features": (self.before >= 0, "between two others of its sequence"),
            "after_features": (self.after >= 0, "between two others of its sequence"),
        }
        left = np.ones(len(self.subject), bool)
        for word in conditions:
            if word in wanted:
                having, told = conditions[word]
                left &= having
                if not left.any():
                    names = ", ".join(dataset.name for dataset in self.pools.datasets)
                    raise UserError(
                        f"a loss asks for {word}, but {names} has no training frame {told}; leave the loss out, or "
                        "train on recordings",
                        code="dataset-incomplete",
                    )
        return np.flatnonzero(left)

    @functools.cached_property
    def calm(self) -> list[Rows]:
        """Rows of the calm frames of each subject: the share of them in which the AUs that are read add up to least."""
        batches = self.pools.photo.batches(stop=len(self.subject), device=self.device)
        with torch.no_grad():
            restless = torch.cat([self._read(features).au.float().sum(dim=1).cpu() for features in batches]).numpy()
        return [rows[calmest(restless[rows])] for rows in self.members]

    def batch(self, wanted: Iterable[str], rows: Rows, step: int) -> dict[str, Any]:
        """The ``wanted`` of :data:`BATCH_WORDS` for frames (b,)."""
        photo, device = self.pools.photo, self.device
        rng = np.random.default_rng([self.seed, 0xBE5, step])
        peer, copy = rng.random(len(rows)), rng.integers(self.pools.config.warps.count, size=len(rows))
        out: dict[str, Any] = {}
        if "neutral_features" in wanted:
            out["neutral_features"] = Features.cat([self._neutral(int(self.subject[row])) for row in rows])
        if "before_features" in wanted:
            out["before_features"] = photo.features(self.before[rows], device)
        if "after_features" in wanted:
            out["after_features"] = photo.features(self.after[rows], device)
        if "peer_features" in wanted:
            others = [self.members[self.subject[row]] for row in rows]
            others = [own[own != row] for own, row in zip(others, rows, strict=True)]
            chosen = [own[int(share * len(own))] for own, share in zip(others, peer, strict=True)]
            out["peer_features"] = photo.features(np.array(chosen), device)
        if "warped_features" in wanted or "warped_strengths" in wanted:
            pool, strengths = self.pools.warped
            places = copy * len(self.subject) + rows
            out["warped_features"] = pool.features(places, device)
            out["warped_strengths"] = torch.from_numpy(strengths[places]).to(device)
        return out

    def _make_neutral(self, subject: int) -> Features:
        """The mean features of a subject's calm frames."""
        features = self.pools.photo.features(self.calm[subject], self.device)
        return features.each(lambda tensor: tensor.mean(dim=0, keepdim=True))


def neighbours(subject: Rows, sequence: Rows, frame: Rows) -> tuple[Rows, Rows]:
    """Rows of the frames before and after each one (n,) in its sequence, at equal distances in time; -1 where there is
    no such pair."""
    order = np.lexsort((frame, sequence, subject))
    together = (np.diff(subject[order]) == 0) & (np.diff(sequence[order]) == 0)
    gap = np.diff(frame[order])
    between = together[:-1] & together[1:] & (gap[:-1] == gap[1:]) & (gap[1:] > 0)
    before, after = np.full(len(frame), -1), np.full(len(frame), -1)
    before[order[1:-1][between]] = order[:-2][between]
    after[order[1:-1][between]] = order[2:][between]
    return before, after


def _numbered(names: list[npt.NDArray[np.str_]]) -> Rows:
    """Names of several data sets as numbers: equal names of two data sets are not equal."""
    numbers, first = [], 0
    for each in names:
        known, places = np.unique(each, return_inverse=True)
        numbers.append(places.reshape(-1) + first)
        first += len(known)
    return np.concatenate(numbers).astype(np.int64)
