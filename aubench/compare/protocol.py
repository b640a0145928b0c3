"""What two rows must share to be ranked together, as a hash: labels, subjects, AUs, frames, ICC form, scale."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import numpy.typing as npt

from aubench.compare.formats import Scale
from aubench.compare.schema import ScoringProtocol

ICC_FORM = "3,1"


def describe(
    dataset: str,
    truth: str,
    subjects: npt.NDArray[np.str_],
    aus: list[str],
    mask: npt.NDArray[np.bool_],
    scale: Scale,
    person: bool = False,
) -> ScoringProtocol:
    """The protocol of a row: ``mask`` (n, a) says which cells of the sorted truth it is scored on, ``truth`` is the
    digest of that truth, ``person`` whether each subject's unlabelled test frames were used to read them. Every entry
    but ``cells`` goes into :func:`fingerprint`."""
    used = mask.any(axis=1)
    whose = sorted(set(subjects[used].tolist()))
    protocol = ScoringProtocol(
        dataset=dataset,
        truth=truth,
        subjects=len(whose),
        aus=[au for au, column in zip(aus, mask.T, strict=True) if column.any()],
        frames=int(used.sum()),
        mask=_digest(np.packbits(mask).tobytes() + repr((mask.shape, whose)).encode()),
        icc=ICC_FORM,
        scale=scale,
        cells=int(mask.sum()),
    )
    if person:  # not set otherwise, so that hashes of raw rows stay what they were
        protocol.person = True
    return protocol


def fingerprint(protocol: ScoringProtocol) -> str:
    """Twelve digits, equal for equal protocols."""
    entries = protocol.model_dump(exclude_unset=True, exclude={"cells"})
    return _digest(json.dumps(entries, sort_keys=True).encode())


def differences(one: ScoringProtocol, other: ScoringProtocol) -> str:
    """In words, how ``one`` departs from ``other``."""
    parts = []
    if one.truth != other.truth:
        parts.append("other labels or frames")
    if lost := [au for au in other.aus if au not in one.aus]:
        parts.append(f"without {', '.join(lost)}")
    if more := [au for au in one.aus if au not in other.aus]:
        parts.append(f"also {', '.join(more)}")
    if one.frames != other.frames:
        parts.append(f"{one.frames} frames instead of {other.frames}")
    elif one.mask != other.mask and not parts:
        parts.append("other frames")
    if one.subjects != other.subjects:
        parts.append(f"{one.subjects} subjects instead of {other.subjects}")
    if one.scale != other.scale:
        parts.append(f"{one.scale} instead of {other.scale}")
    if one.person and not other.person:
        parts.append("read against each subject's calm test frames")
    if other.person and not one.person:
        parts.append("read without each subject's calm test frames")
    return ", ".join(parts)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
