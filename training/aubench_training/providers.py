"""Who makes each word of :mod:`aubench.quantities` in a combination: one small function per word.

The parameters of these functions are words themselves, from which :func:`aubench.plan.make_plan` finds the order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

from torch import Tensor

from aubench.contracts import Extractor, Features, Recogniser, Renderer
from aubench.landmarks import Landmarker
from aubench.parameters import FacialParameters
from aubench.plan import Provider
from aubench.standardisation import Domain

Reading = Literal["disturbed", "teacher", "start"]
Regress = Callable[[Features, Domain], FacialParameters]

TRAINED = (
    "parameters", "emotionless_readback", "unidentified_readback", "sampled_readback", "people_readback",
    "warped_parameters", "before_parameters", "after_parameters", "peer_parameters", "disturbed_parameters",
    "teacher_parameters",
)  # fmt: skip
"""The words whose providers contain the regressor."""


def standard_providers(
    extractor: Callable[[], Extractor],
    renderer: Callable[[], Renderer],
    recogniser: Callable[[], Recogniser] | None,
    regress: Regress,
    regress_sampled: Callable[[Features], FacialParameters],
    regress_people: Callable[[Features, Tensor], Tensor],
    regress_otherwise: Callable[[Features, Reading], FacialParameters],
) -> dict[str, Provider]:
    """Providers of every word of the method. Networks are given as functions that return them, so that one which no
    loss needs is never built; without a recogniser there are no embeddings, without a landmark network as the
    extractor no heatmaps. ``regress_otherwise`` reads frames under a disturbance, by the average of R's weights (the
    teacher), or by R as the label-free phase began (the start)."""

    def features(image: Tensor) -> Features:
        return extractor().features(image)

    def parameters(features: Features) -> FacialParameters:
        return regress(features, "photo")

    def drawn(parameters: FacialParameters) -> Tensor:
        return renderer().draw(parameters).image

    def drawn_features(drawn: Tensor) -> Features:
        return extractor().features(drawn)

    def emotionless(parameters: FacialParameters) -> FacialParameters:
        return parameters.emotionless()

    def emotionless_drawn(emotionless: FacialParameters) -> Tensor:
        return renderer().draw(emotionless).image

    def emotionless_features(emotionless_drawn: Tensor) -> Features:
        return extractor().features(emotionless_drawn)

    def emotionless_readback(emotionless_features: Features) -> FacialParameters:
        return regress(emotionless_features, "drawn")

    def unidentified(parameters: FacialParameters) -> FacialParameters:
        return parameters.unidentified()

    def unidentified_drawn(unidentified: FacialParameters) -> Tensor:
        return renderer().draw(unidentified).image

    def unidentified_features(unidentified_drawn: Tensor) -> Features:
        return extractor().features(unidentified_drawn)

    def unidentified_readback(unidentified_features: Features) -> FacialParameters:
        return regress(unidentified_features, "drawn")

    def base_parameters() -> FacialParameters:
        return FacialParameters.base(1, device=_device(renderer()))

    def base_drawn(base_parameters: FacialParameters) -> Tensor:
        return renderer().draw(base_parameters).image

    def base_features(base_drawn: Tensor) -> Features:
        return extractor().features(base_drawn)

    def sampled_readback(sampled_features: Features) -> FacialParameters:
        return regress_sampled(sampled_features)

    def people_readback(people_features: Features, people_neutral: Tensor) -> Tensor:
        return regress_people(people_features, people_neutral)

    def warped_parameters(warped_features: Features) -> FacialParameters:
        return regress(warped_features, "photo")

    def before_parameters(before_features: Features) -> FacialParameters:
        return regress(before_features, "photo")

    def after_parameters(after_features: Features) -> FacialParameters:
        return regress(after_features, "photo")

    def peer_parameters(peer_features: Features) -> FacialParameters:
        return regress(peer_features, "photo")

    def disturbed_parameters(features: Features) -> FacialParameters:
        return regress_otherwise(features, "disturbed")

    def teacher_parameters(features: Features) -> FacialParameters:
        return regress_otherwise(features, "teacher")

    def start_parameters(features: Features) -> FacialParameters:
        return regress_otherwise(features, "start")

    words: list[Provider] = [
        features, parameters, drawn, drawn_features, emotionless, emotionless_drawn, emotionless_features,
        emotionless_readback, unidentified, unidentified_drawn, unidentified_features, unidentified_readback,
        base_parameters, base_drawn, base_features, sampled_readback, people_readback, warped_parameters,
        before_parameters, after_parameters, peer_parameters, disturbed_parameters, teacher_parameters,
        start_parameters,
    ]  # fmt: skip
    if hasattr(extractor(), "heatmaps"):

        def heatmaps(features: Features) -> Tensor:
            found: Tensor = cast(Landmarker, extractor()).heatmaps(features)
            return found

        def drawn_heatmaps(drawn_features: Features) -> Tensor:
            found: Tensor = cast(Landmarker, extractor()).heatmaps(drawn_features)
            return found

        words += [heatmaps, drawn_heatmaps]
    if recogniser is not None:
        recognise = recogniser

        def embedding(image: Tensor) -> Tensor:
            return recognise().embed(image)

        def emotionless_embedding(emotionless_drawn: Tensor) -> Tensor:
            return recognise().embed(emotionless_drawn)

        words += [embedding, emotionless_embedding]
    return {word.__name__: word for word in words}


def _device(network: object) -> str:
    parameters = getattr(network, "parameters", None)
    first = next(iter(parameters()), None) if callable(parameters) else None
    return str(first.device) if first is not None else "cpu"
