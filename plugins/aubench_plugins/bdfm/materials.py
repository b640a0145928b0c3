"""Numbers that name materials, parsing classes, tints and amounts, as compiled code wants them."""

from __future__ import annotations

from aubench.contracts import PARSING_CLASSES

from .constants import PARTS

EXTRA_PARTS = ("frame", "hat")
"""Parts that the looks add to the model's own."""
_P = {name: n for n, name in enumerate(PARTS + EXTRA_PARTS)}
P_SKIN, P_EAR, P_NECK, P_CLOTH, P_EYE = _P["skin"], _P["ear"], _P["neck"], _P["cloth"], _P["eyeball"]
P_TEETH, P_TONGUE, P_CAVITY, P_LASH, P_HAIR = _P["teeth"], _P["tongue"], _P["cavity"], _P["lash"], _P["hair"]
P_FRAME, P_HAT = _P["frame"], _P["hat"]

_C = {name: n for n, name in enumerate(PARSING_CLASSES)}
CLS_BACKGROUND, CLS_SKIN, CLS_L_BROW, CLS_R_BROW = _C["background"], _C["skin"], _C["l_brow"], _C["r_brow"]
CLS_L_EYE, CLS_R_EYE, CLS_GLASSES, CLS_L_EAR, CLS_R_EAR = (
    _C["l_eye"],
    _C["r_eye"],
    _C["eye_g"],
    _C["l_ear"],
    _C["r_ear"],
)
CLS_MOUTH, CLS_U_LIP, CLS_L_LIP, CLS_NECK = _C["mouth"], _C["u_lip"], _C["l_lip"], _C["neck"]
CLS_CLOTH, CLS_HAIR, CLS_HAT = _C["cloth"], _C["hair"], _C["hat"]

TINTS = (
    "skin", "flush", "freckle", "lip", "iris_in", "iris_out", "brow", "hair", "stubble", "cloth", "hat", "frame",
    "sclera",
    "shadow", "teeth", "gum",
)  # fmt: skip
"""Rows of ``Look.tints``. skin, lip, iris, brow, hair, cloth, hat, frame, sclera, teeth, gum: albedo; flush, freckle,
stubble, shadow: what the albedo is multiplied with where the mask is 1."""
(SKIN, FLUSH, FRECKLE, LIP, IRIS_IN, IRIS_OUT, BROW, HAIR, STUBBLE, CLOTH, HAT, FRAME, SCLERA, SHADOW, TEETH, GUM) = (
    range(len(TINTS))
)

AMOUNTS = (
    "mottle", "blotch", "freckle", "flush", "lip", "socket", "pore", "age", "crease", "brow", "stubble", "beard",
    "liner", "rough", "oil", "shine", "gloss", "hair_shine", "pupil", "exposure", "scalp", "umbra",
)  # fmt: skip
"""Entries of ``Look.amounts``: how much of each layer; ``rough`` is the skin's roughness, ``shine`` its specular
strength, ``oil`` how much the oily places exceed it, ``gloss`` the lips'; ``pupil`` radius in radians; ``exposure`` a
factor on light; ``scalp`` cover of the head's skin by hair; ``umbra`` how dark the first light's shadows are."""
(
    Q_MOTTLE, Q_BLOTCH, Q_FRECKLE, Q_FLUSH, Q_LIP, Q_SOCKET, Q_PORE, Q_AGE, Q_CREASE, Q_BROW, Q_STUBBLE, Q_BEARD,
    Q_LINER, Q_ROUGH, Q_OIL, Q_SHINE, Q_GLOSS, Q_HAIR_SHINE, Q_PUPIL, Q_EXPOSURE, Q_SCALP, Q_UMBRA,
) = range(len(AMOUNTS))  # fmt: skip

BROW_AREA = 0.30
"""Smoothed cover by hairs above which the parsing map says brow."""
