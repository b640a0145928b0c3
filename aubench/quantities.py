"""The words a loss may ask for. The vocabulary lies here; who makes each word is decided by :mod:`aubench.plan`.

``b`` faces; images float32 RGB in [0, 1]; F_seg the extractor, G the renderer, F_reg the recogniser, R the regressor.
A loss names these words as its keyword-only parameters and gets them computed, each once per step.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """One word: what it is called, its type and shape, its range, and what it means."""

    name: str
    shape: str
    range: str
    meaning: str


_IMAGE = "Tensor (b, 3, h, w)"
_FEATURES = "Features: fused f_gb, maps T"
_PARAMETERS = "FacialParameters (b)"
_EMBEDDING = "Tensor (b, d)"
_HEATMAPS = "Tensor (b, 68, h', w')"
_AUS = "Tensor (b, 23)"
_UNIT = "[0, 1]"
_REAL = "real"

QUANTITIES: dict[str, Quantity] = {
    quantity.name: quantity
    for quantity in (
        Quantity("image", _IMAGE, _UNIT, "I: the training frames, aligned crops"),
        Quantity("features", _FEATURES, _REAL, "F_seg(I); from the cache, since the extractor is frozen"),
        Quantity("embedding", _EMBEDDING, _REAL, "F_reg(I); from the cache as well"),
        Quantity("parameters", _PARAMETERS, _UNIT, "y' = R(F_seg(I)), the regressor's answer"),
        Quantity("drawn", _IMAGE, _UNIT, "G(y')"),
        Quantity("drawn_features", _FEATURES, _REAL, "F_seg(G(y'))"),
        Quantity("heatmaps", _HEATMAPS, _REAL, "of I, where F_seg is a landmark network: the heatmaps in F_seg(I)"),
        Quantity("drawn_heatmaps", _HEATMAPS, _REAL, "likewise of G(y'): the heatmaps in F_seg(G(y'))"),
        Quantity("emotionless", _PARAMETERS, _UNIT, "gbe: y' with every AU at its base value"),
        Quantity("emotionless_drawn", _IMAGE, _UNIT, "G(gbe)"),
        Quantity("emotionless_features", _FEATURES, _REAL, "F_seg(G(gbe))"),
        Quantity("emotionless_readback", _PARAMETERS, _UNIT, "R(F_seg(G(gbe)))"),
        Quantity("emotionless_embedding", _EMBEDDING, _REAL, "F_reg(G(gbe))"),
        Quantity("unidentified", _PARAMETERS, _UNIT, "gbi: y' with every identity number at its base value"),
        Quantity("unidentified_drawn", _IMAGE, _UNIT, "G(gbi)"),
        Quantity("unidentified_features", _FEATURES, _REAL, "F_seg(G(gbi))"),
        Quantity("unidentified_readback", _PARAMETERS, _UNIT, "R(F_seg(G(gbi)))"),
        Quantity("base_parameters", "FacialParameters (1)", _UNIT, "the base face: frontal, emotionless, identity 0.5"),
        Quantity("base_drawn", "Tensor (1, 3, h, w)", _UNIT, "I_b: the base face, drawn by G; made once per run"),
        Quantity("base_features", "Features of one face", _REAL, "F_seg(I_b); made once per run"),
        Quantity("sampled_parameters", _PARAMETERS, _UNIT, "known parameters of faces that the engine drew"),
        Quantity("sampled_features", _FEATURES, _REAL, "F_seg of those faces, from the cache, standardised"),
        Quantity("sampled_readback", _PARAMETERS, _UNIT, "R(F_seg(I)) of those faces"),
        Quantity("neutral_features", _FEATURES, _REAL, "mean F_seg of calm frames of the subject, found by reading"),
        Quantity("warped_features", _FEATURES, _REAL, "F_seg(warp(I, d)), from the cache"),
        Quantity("warped_strengths", _AUS, _UNIT, "d: strengths of the AUs that the warp added, 1 for intensity 5"),
        Quantity("warped_parameters", _PARAMETERS, _UNIT, "R(F_seg(warp(I, d)))"),
        Quantity("before_features", _FEATURES, _REAL, "F_seg of the frame before each one in its sequence"),
        Quantity("after_features", _FEATURES, _REAL, "F_seg of the frame after it, as far away in time"),
        Quantity("before_parameters", _PARAMETERS, _UNIT, "R of the frame before"),
        Quantity("after_parameters", _PARAMETERS, _UNIT, "R of the frame after"),
        Quantity("peer_features", _FEATURES, _REAL, "F_seg of another frame of the same subject"),
        Quantity("peer_parameters", _PARAMETERS, _UNIT, "R of that frame"),
        Quantity("disturbed_parameters", _PARAMETERS, _UNIT, "R of F_seg(I) under noise and dropout of channels"),
        Quantity("teacher_parameters", _PARAMETERS, _UNIT, "the average of R's weights, of F_seg(I); no gradient"),
        Quantity("start_parameters", _PARAMETERS, _UNIT, "R as the label-free phase began, of F_seg(I); no gradient"),
        Quantity("people_aus", _AUS, _UNIT, "known AUs of frames of people that engines drew"),
        Quantity("people_features", _FEATURES, _REAL, "F_seg of those frames, from the cache, standardised"),
        Quantity("people_neutral", "Tensor (b, b)", _UNIT, "of which frames of the batch each one's neutral is made"),
        Quantity("people_readback", _AUS, _UNIT, "AUs that R reads of those frames beside their neutral"),
    )
}
