"""A plugin with a fake engine (``fake``) and a fake extractor (``fake``); found through ``$AUBENCH_PLUGINS``."""

from __future__ import annotations

from fake_face import CARD

from aubench import hookimpl
from aubench.component import Component, Config


class ExtractorConfig(Config):
    """No options."""


class FakeExtractor:
    """Every region's map is the picture itself, 8 cells a side, darkened for some regions."""

    def __init__(self, config: ExtractorConfig) -> None:
        self.seen = 0

    def features(self, image):
        import torch.nn.functional as F

        from aubench.contracts import REGIONS, Features

        self.seen += len(image)
        small = F.adaptive_avg_pool2d(image, 8)
        return Features(small, {name: small * (1.0 - 0.1 * i) for i, name in enumerate(REGIONS)})


@hookimpl
def aubench_renderers() -> list[Component]:
    return [CARD]


@hookimpl
def aubench_extractors() -> list[Component]:
    return [Component("extractor", "fake", "a small picture", f"{__name__}:FakeExtractor", ExtractorConfig)]
