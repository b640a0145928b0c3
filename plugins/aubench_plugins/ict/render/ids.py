"""Numbers that name surfaces, parsing classes, tints and amounts, as compiled code wants them."""

from __future__ import annotations

from aubench.contracts import PARSING_CLASSES

FORM = 2
"""Goes up whenever a constant here changes its value. Numba knows a compiled kernel by the text of its own file alone,
so every module whose kernels read these constants repeats the number."""

KINDS = ("skin", "head", "socket", "orbit", "gums", "teeth", "eye", "hidden", "frame", "hat", "cloth")
"""What a triangle is: skin of the face chart; back of the head, neck and shoulders; mouth and eye sockets; gums and
tongue; teeth; eyeballs; never drawn; glasses' frames, hats and clothes that the looks add."""
(K_SKIN, K_HEAD, K_SOCKET, K_ORBIT, K_GUMS, K_TEETH, K_EYE, K_HIDDEN, K_FRAME, K_HAT, K_CLOTH) = range(len(KINDS))

_C = {name: n for n, name in enumerate(PARSING_CLASSES)}
C_BACKGROUND, C_SKIN, C_L_BROW, C_R_BROW = _C["background"], _C["skin"], _C["l_brow"], _C["r_brow"]
C_L_EYE, C_R_EYE, C_GLASSES, C_L_EAR, C_R_EAR = _C["l_eye"], _C["r_eye"], _C["eye_g"], _C["l_ear"], _C["r_ear"]
C_NOSE, C_MOUTH, C_U_LIP, C_L_LIP, C_NECK = _C["nose"], _C["mouth"], _C["u_lip"], _C["l_lip"], _C["neck"]
C_CLOTH, C_HAIR, C_HAT = _C["cloth"], _C["hair"], _C["hat"]

TINTS = (
    "skin", "lip", "iris_in", "iris_out", "sclera", "teeth", "gum", "hair", "hair_tip", "brow", "cloth", "cloth_b",
    "hat", "frame", "shadow", "lens",
)  # fmt: skip
"""Rows of ``Looks.tints``, linear albedo; ``shadow``: what make-up multiplies the lids with; ``lens``: what glasses
multiply the light with."""
(
    T_SKIN, T_LIP, T_IRIS_IN, T_IRIS_OUT, T_SCLERA, T_TEETH, T_GUM, T_HAIR, T_HAIR_TIP, T_BROW, T_CLOTH, T_CLOTH_B,
    T_HAT, T_FRAME, T_SHADOW, T_LENS,
) = range(len(TINTS))  # fmt: skip

AMOUNTS = (
    "mottle", "blotch", "freckle", "flush", "lip", "socket", "pore", "crease", "brow", "stubble", "beard", "liner",
    "rough", "oil", "shine", "gloss", "pupil", "exposure", "scalp", "umbra", "translucent", "shift_u", "shift_v",
    "neckline", "vee", "pattern", "catch", "lid_shade", "hairline", "powder",
)  # fmt: skip
"""Entries of ``Looks.amounts``. Strengths of skin layers: mottle to beard; ``liner`` darkens the lid margins;
``rough``, ``oil``, ``shine``, ``gloss`` (lips) the highlights; ``pupil`` 0..1; ``exposure`` a factor on light;
``scalp`` how much hair covers the skin of the head; ``umbra`` how dark the key light's shadows are;
``translucent`` how far light bleeds under skin; ``shift_u``, ``shift_v`` where the noise tile starts; ``neckline``
(cm), ``vee``, ``pattern`` of the clothes; ``catch`` strength of the lights mirrored in the eye; ``lid_shade`` of the
lids on the eyeball; ``hairline`` (cm) how far the hair recedes; ``powder`` lifts the under-eye shade."""
(
    Q_MOTTLE, Q_BLOTCH, Q_FRECKLE, Q_FLUSH, Q_LIP, Q_SOCKET, Q_PORE, Q_CREASE, Q_BROW, Q_STUBBLE, Q_BEARD, Q_LINER,
    Q_ROUGH, Q_OIL, Q_SHINE, Q_GLOSS, Q_PUPIL, Q_EXPOSURE, Q_SCALP, Q_UMBRA, Q_TRANSLUCENT, Q_SHIFT_U, Q_SHIFT_V,
    Q_NECKLINE, Q_VEE, Q_PATTERN, Q_CATCH, Q_LID_SHADE, Q_HAIRLINE, Q_POWDER,
) = range(len(AMOUNTS))  # fmt: skip

LAYERS = ("flush", "lip", "beard", "socket", "oil", "margin", "pores", "lid", "moustache")
"""Channels of the painted face chart, uint8: blood, lips, where beards grow, shade round the eyes, oily places, lid
margins, pores, painted lids, where moustaches grow."""
(L_FLUSH, L_LIP, L_BEARD, L_SOCKET, L_OIL, L_MARGIN, L_PORES, L_LID, L_MOUSTACHE) = range(len(LAYERS))
LAYER_COUNT = len(LAYERS)
