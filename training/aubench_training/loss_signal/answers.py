"""R's answers to the frames that are measured: of each frame by itself, or against each person's own calm frames."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from aubench.errors import UserError
from aubench.parameters import FacialParameters
from aubench.person import SHARE, find_person, read_aus

from ..bench import Bench

At = Literal["raw", "person"]


def answers(bench: Bench, at: At) -> tuple[FacialParameters, int]:
    """R's answers to all training frames of ``bench``, on the CPU, and how many people were read against calm frames.

    ``at`` "person": AUs are those beside the person's neutral, which is found without labels; identity numbers and brow
    styles are the mean over the person's calm frames; the pose is that of each frame. Of people without calm frames,
    the answer is that of each frame by itself.

    Raises:
        UserError: ``plugin-unsupported`` where the regressor does not read persons.
    """
    combination = bench.combination
    if at == "person" and not combination.reads_persons:
        raise UserError(
            f"--at person: regressor {combination.regressor_choice.name!r} does not read persons; use --at raw",
            code="plugin-unsupported",
        )
    combination.regressor.eval().requires_grad_(False)
    parts, entries = [], []
    with torch.no_grad():
        for features in bench.pools.photo.batches(device=bench.device):
            standardised = combination.standardiser(features, "photo")
            parts.append(combination.regressor(standardised).to("cpu"))
            if at == "person":
                entries.append(combination.regressor.entry(standardised).float().cpu().numpy())
    answer = FacialParameters.cat(parts)
    return (answer, 0) if at == "raw" else _against_calm(bench, answer, np.concatenate(entries))


def _against_calm(
    bench: Bench, answer: FacialParameters, entries: npt.NDArray[np.float32]
) -> tuple[FacialParameters, int]:
    au, identity, brow = answer.au.clone(), answer.identity.clone(), answer.brow.clone()
    alone, model = answer.intensities().numpy(), bench.combination.person_digest
    start = found = 0
    for part in bench.pools.parts:
        for subject in np.unique(part.frames.subject):
            rows = start + np.flatnonzero(part.frames.subject == subject)
            person = find_person(bench.combination.regressor, entries[rows], alone[rows], model)
            if person is None:
                continue
            found += 1
            read = read_aus(bench.combination.regressor, entries[rows], person.neutral)
            calm = rows[np.argsort(read.sum(axis=1), kind="stable")[: max(1, round(SHARE * len(rows)))]]
            au[rows] = torch.from_numpy(read)
            identity[rows], brow[rows] = answer.identity[calm].mean(dim=0), answer.brow[calm].mean(dim=0)
        start += len(part.frames)
    return replace(answer, au=au, identity=identity, brow=brow), found
