"""A card that imports torch for everybody, whether or not its extractor is wanted."""

from __future__ import annotations

import torch

from aubench import hookimpl
from aubench.component import Component, Config


class Options(Config):
    width: float = float(torch.tensor(4.4).round())


@hookimpl
def aubench_extractors() -> list[Component]:
    return [Component("extractor", "heavy", "imports torch", "broken.extractors:Sound", Options)]
