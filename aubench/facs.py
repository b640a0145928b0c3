"""FACS: the action units that a facial parameter stands for, their muscles, and the data sets that annotate them.

Names and muscles follow the Facial Action Coding System (Ekman, Friesen and Hager, 2002). Which intensities a data set
annotates: DISFA (Mavadati et al., 2013, 12 AUs), BP4D (Zhang et al., 2014; intensities of 5 AUs as in FERA 2015), and
``synth``, our own, the union of both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aubench.errors import UserError, did_you_mean

ANNOTATED: dict[str, tuple[str, ...]] = {
    "disfa": ("AU01", "AU02", "AU04", "AU05", "AU06", "AU09", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26"),
    "bp4d": ("AU06", "AU10", "AU12", "AU14", "AU17"),
}
"""AUs with intensity labels, by data set, in ascending order."""
ANNOTATED["synth"] = tuple(sorted({au for aus in ANNOTATED.values() for au in aus}))


@dataclass(frozen=True)
class ActionUnit:
    """One AU as a facial parameter. ``key`` is its name in :data:`aubench.parameters.AU_NAMES` ("AU04", "AU30L")."""

    key: str
    name: str
    muscle: str

    @property
    def number(self) -> int:
        """The number that FACS gives it: 30 for both sides of the sideways jaw."""
        return int(self.key[2:4])

    @property
    def datasets(self) -> tuple[str, ...]:
        """Data sets that annotate its intensity."""
        return tuple(name for name, aus in ANNOTATED.items() if self.key in aus)


ACTION_UNITS: tuple[ActionUnit, ...] = (
    ActionUnit("AU01", "inner brow raiser", "frontalis, pars medialis"),
    ActionUnit("AU02", "outer brow raiser", "frontalis, pars lateralis"),
    ActionUnit("AU04", "brow lowerer", "corrugator supercilii, depressor supercilii"),
    ActionUnit("AU05", "upper lid raiser", "levator palpebrae superioris"),
    ActionUnit("AU06", "cheek raiser", "orbicularis oculi, pars orbitalis"),
    ActionUnit("AU07", "lid tightener", "orbicularis oculi, pars palpebralis"),
    ActionUnit("AU09", "nose wrinkler", "levator labii superioris alaeque nasi"),
    ActionUnit("AU10", "upper lip raiser", "levator labii superioris"),
    ActionUnit("AU12", "lip corner puller", "zygomaticus major"),
    ActionUnit("AU14", "dimpler", "buccinator"),
    ActionUnit("AU15", "lip corner depressor", "depressor anguli oris"),
    ActionUnit("AU16", "lower lip depressor", "depressor labii inferioris"),
    ActionUnit("AU17", "chin raiser", "mentalis"),
    ActionUnit("AU18", "lip pucker", "incisivi labii superioris and inferioris"),
    ActionUnit("AU20", "lip stretcher", "risorius with platysma"),
    ActionUnit("AU22", "lip funneler", "orbicularis oris"),
    ActionUnit("AU23", "lip tightener", "orbicularis oris"),
    ActionUnit("AU24", "lip pressor", "orbicularis oris"),
    ActionUnit("AU25", "lips part", "depressor labii inferioris, or relaxed mentalis or orbicularis oris"),
    ActionUnit("AU26", "jaw drop", "relaxed masseter, temporalis and medial pterygoid"),
    ActionUnit("AU43", "eyes closed", "relaxed levator palpebrae superioris, orbicularis oculi"),
    ActionUnit("AU30L", "jaw to the left", "lateral pterygoid of the right side"),
    ActionUnit("AU30R", "jaw to the right", "lateral pterygoid of the left side"),
)
"""All 23 AU parameters, in the order of :data:`aubench.parameters.AU_NAMES`."""

_CODE = re.compile(r"AU\d\d[LR]?")
_BY_KEY = {unit.key: unit for unit in ACTION_UNITS}


def with_parameter(aus: Sequence[str], who: str) -> list[str]:
    """Those of ``aus`` that a face has a parameter for; data sets code others too (AU11 of CK+), which nothing that
    reads or draws faces knows.

    Raises :class:`UserError`, which names ``who`` asked, for what is no AU at all, and where none is left of some.
    """
    if strange := [name for name in aus if not _CODE.fullmatch(name)]:
        raise UserError(f"{who}: {strange[0]!r} is not an AU. {did_you_mean(strange[0], _BY_KEY)}", code="name-unknown")
    found = [name for name in aus if name in _BY_KEY]
    if aus and not found:
        raise UserError(
            f"{who}: the face model has none of {', '.join(aus)}. Known: {', '.join(_BY_KEY)}",
            code="plugin-unsupported",
        )
    return found


def action_unit(key: str) -> ActionUnit:
    """The AU called ``key`` ("AU12"). Raises :class:`UserError` with the nearest names."""
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UserError(f"no action unit {key!r}. {did_you_mean(key, _BY_KEY)}", code="name-unknown") from None
