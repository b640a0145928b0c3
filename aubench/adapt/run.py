"""From recordings to an adapted model: frames, faces, features, their statistics, and the model moved towards them."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aubench.adapt import FRAMES
from aubench.adapt.look import Advance, Say, Seen, look
from aubench.adapt.measures import Measures, measure
from aubench.adapt.recordings import Recording
from aubench.combination import Combination
from aubench.errors import UserError
from aubench.files import cache_folder
from aubench.materialise import materialise
from aubench.standardisation import Moments

FEWEST_PEOPLE = 3
"""People under which nothing is adapted."""
HALF_PEOPLE = 2.0
"""Number of people at which the mean is moved half of :data:`MOST_WEIGHT`."""
MOST_WEIGHT = 0.3
"""How far the mean is moved at most, of the whole way to that of the recordings."""
WORSE_AGREEMENT, WORSE_END = 0.05, 0.02
"""A loss of agreement, or a gain of readings at 5, from which on the statistics are left as they were."""


def shrinkage(people: int) -> float:
    """How far the mean moves towards that of n ``people``: ``MOST_WEIGHT · n / (n + HALF_PEOPLE)``."""
    return MOST_WEIGHT * people / (people + HALF_PEOPLE)


@dataclass(frozen=True)
class Adaptation:
    """The adapted ``model``, whether its statistics were ``moved``, and the ``facts`` for its description; ``before``
    and ``after`` are measured on the recordings."""

    model: Combination
    moved: bool
    before: Measures
    after: Measures
    facts: dict[str, Any] = field(default_factory=dict)


def adapt(
    model: Combination,
    recordings: Sequence[Recording],
    *,
    people: int | None = None,
    frames: int = FRAMES,
    say: Say = lambda line: None,
    progress: Advance = lambda pictures: None,
) -> Adaptation:
    """Move the statistics of a model's input towards those of recordings.

    Args:
        model: A trained model, which stays as it is.
        recordings: Of one person each, see :func:`aubench.adapt.recordings.find_recordings`.
        people: How many people they show, where that is not one each.
        frames: Frames that are looked at, in all recordings together and shared out evenly.
        say: Is told, in a line, what is left out and why.
        progress: Is told the number of frames that were looked at.

    Returns:
        The adapted model and facts about it. Where the model got worse by what can be measured without a
        label, its statistics are those of ``model``, and ``moved`` is false.

    Raises:
        UserError: ``no-face`` where no recording shows enough faces, ``dataset-incomplete`` for too few people,
            ``plugin-unsupported`` for a model that does not standardise its input.
    """
    if not model.standardiser.fitted[0]:
        raise UserError(
            "this model has no statistics of its input to adapt; use one that was trained with "
            "additions.domain_standardisation, such as the shipped one",
            code="plugin-unsupported",
        )
    require_people(people if people is not None else len(recordings), len(recordings))
    seen = look(model, recordings, frames, say, progress)
    count = people if people is not None else len(seen.moments)
    require_people(count, len(seen.moments))
    return moved_towards(model, seen, count)


def require_people(people: int, recordings: int) -> None:
    """Refuse too few. Raises :class:`UserError`, code ``dataset-incomplete``."""
    if people < FEWEST_PEOPLE:
        told = f"{recordings} recording{'s' * (recordings != 1)}" + f", {people} people" * (people != recordings)
        raise UserError(
            f"{told}: statistics of fewer than {FEWEST_PEOPLE} people say more of them than of the camera; give "
            "recordings of more people (with --people N where one recording shows several), or use the model as it is",
            code="dataset-incomplete",
        )


def moved_towards(model: Combination, seen: Seen, people: int) -> Adaptation:
    """The model with statistics moved by :func:`shrinkage`, or as it was where that made it worse."""
    moments = Moments.balanced(seen.moments)
    weight = shrinkage(people)
    other = copy.copy(model)
    other.standardiser = copy.deepcopy(model.standardiser)
    other.standardiser.move("photo", moments, weight)
    before, after = measure(model, seen.views), measure(other, seen.views)
    why = worse(before, after)
    facts = {
        "recordings": len(seen.moments),
        "skipped": seen.skipped,
        "people": people,
        "frames": seen.frames,
        "frames_sha256": seen.digest,
        "weight": 0.0 if why else round(weight, 4),
        "unchanged_because": why or None,
        "distance": _rounded(model.standardiser.distance("photo", moments)),
        "distance_after": _rounded((model if why else other).standardiser.distance("photo", moments)),
        "before": before.to_dict(),
        "after": after.to_dict(),
    }
    return Adaptation(model if why else other, not why, before, after, facts)


def worse(before: Measures, after: Measures) -> str:
    """By what a model got worse, in words; empty where it did not."""
    for name, one, two in (
        ("mirrored", before.mirror, after.mirror),
        ("disturbed", before.jitter, after.jitter),
    ):
        if np.isfinite(one) and not two >= one - WORSE_AGREEMENT:
            return f"readings of {name} pictures agree less (ICC {two:.2f}, before {one:.2f})"
    if after.at_five > before.at_five + WORSE_END:
        return f"more readings are at 5 ({after.at_five:.0%}, before {before.at_five:.0%})"
    return ""


def _rounded(distances: dict[str, tuple[float, float]]) -> dict[str, dict[str, float]]:
    return {
        name: {"mean": round(shift, 4), "log_spread": round(ratio, 4)} for name, (shift, ratio) in distances.items()
    }


# --- on disk ----------------------------------------------------------------------------------------------------------


def save(adapted: Adaptation, folder: Path, about: dict[str, Any]) -> None:
    """Write the model as a folder that appears whole, in place of an adapted model that is there. ``about`` is kept
    beside the facts. Raises ``OSError`` as the system gives it."""
    card: list[str] = []

    def build(partial: Path) -> None:
        adapted.model.save(partial, about={**about, "adapted": adapted.facts})
        card.append((partial / "model.json").read_text(encoding="utf-8"))

    def find() -> Path | None:
        try:
            return folder if card and (folder / "model.json").read_text(encoding="utf-8") == card[0] else None
        except FileNotFoundError:
            return None

    cache_folder().mkdir(parents=True, exist_ok=True)
    materialise(folder, find, build, lock_file=cache_folder() / "adapt.lock")  # and nothing stays beside the folder


def is_adapted(path: Path) -> bool:
    """Whether a file is the description of an adapted model."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return isinstance(content["about"]["adapted"]["frames_sha256"], str)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
