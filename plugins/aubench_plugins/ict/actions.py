"""The 23 action units as mixtures of expression shapes and movements of bones, each at FACS intensity E.

After Ekman, Friesen and Hager, Facial Action Coding System (2002). The model's shapes are named like ARKit's; where one
shape does more than the muscles of an AU do, ``sealed`` takes out what parts the lips, ``within`` keeps it to a part of
the face, and what a shape lacks is added by bones (see :mod:`.bones`; centimetres, x outwards, y up, z forward).
"""

from __future__ import annotations

from dataclasses import dataclass, field

Offset = tuple[float, float, float]


@dataclass(frozen=True)
class Action:
    """``shapes``: expression shapes, without ``_L`` and ``_R``, and their coefficients at x = 1; ``moves``: bones and
    what they move by; ``sealed``: share of the parting of the lips that is taken out; ``within``: places and radii of
    soft spheres (a landmark of the picture's right, a radius in centimetres) that the shapes are kept to; ``close``:
    share of the lid opening that closes by the blink shape."""

    shapes: dict[str, float]
    moves: dict[str, Offset] = field(default_factory=dict)
    sealed: float = 0.0
    within: tuple[tuple[int, float], ...] = ()
    close: float = 0.0


ACTIONS: dict[str, Action] = {
    "AU01": Action({"browInnerUp": 1.0}, {"brow_inner": (-0.04, 0.14, 0.0)}),
    "AU02": Action({"browOuterUp": 0.85}),
    "AU04": Action({"browDown": 1.3}, {"brow_inner": (-0.08, -0.24, 0.04), "glabella": (0.0, -0.10, 0.06)}),
    "AU05": Action({"eyeWide": 1.1}),
    "AU06": Action({"cheekRaiser": 0.7, "cheekSquint": 0.75}, sealed=1.0),
    "AU07": Action({"eyeSquint": 1.5}, close=0.12),
    "AU09": Action({"noseSneer": 0.9, "browDown": 0.35}, sealed=0.9),
    "AU10": Action({"mouthUpperUp": 0.9}, sealed=0.55),
    "AU12": Action({"mouthSmile": 1.0}, sealed=0.9),
    "AU14": Action({"mouthDimple": 1.0}, {"mouth_corner": (0.04, -0.26, -0.10)}, sealed=1.0),
    "AU15": Action({"mouthFrown": 1.25}, sealed=1.0),
    "AU16": Action({"mouthLowerDown": 1.0}, sealed=0.35),
    "AU17": Action({"mouthShrugLower": 0.95, "mouthShrugUpper": 0.1}, sealed=1.0),
    "AU18": Action({"mouthPucker": 1.0}, sealed=1.0),
    "AU20": Action({"mouthStretch": 1.0}, sealed=1.0),
    "AU22": Action({"mouthFunnel": 0.95}, sealed=0.25),
    "AU23": Action(
        {"mouthRollLower": 0.35, "mouthRollUpper": 0.35, "mouthPucker": 0.25, "mouthPress": 0.2}, sealed=1.0
    ),
    "AU24": Action({"mouthPress": 0.9, "mouthRollLower": 0.4, "mouthRollUpper": 0.3}, sealed=1.0),
    "AU25": Action({"mouthLowerDown": 0.75, "mouthUpperUp": 0.28}, within=((62, 1.9), (66, 1.9), (54, 1.2))),
    "AU26": Action({"jawOpen": 0.55, "mouthClose": 0.22}),
    "AU43": Action({}, close=1.0),
    "AU30L": Action({"jawLeft": 1.5}, sealed=1.0),
    "AU30R": Action({"jawRight": 1.5}, sealed=1.0),
}
CENTRED = ("AU26", "AU30L", "AU30R")
"""AUs of the one jaw, which have no sides."""
JAW_PARTED: dict[str, float] = {"mouthClose": -0.22}
"""What AU25 adds to AU26, times both: lips that part let the dropped jaw take the lower one along."""
