"""A sound loss, the L1 distance of two embeddings, and broken ones."""

from __future__ import annotations

import torch
from torch import Tensor

from aubench import hookimpl
from aubench.component import Component, Config
from aubench.parameters import FacialParameters
from broken import cards


class Options(Config):
    weight: float = 1.0


class Sound:
    """L1 of two embeddings"""

    Options = Options
    breaks = ""

    def __init__(self, config: Options) -> None:
        self.weight = config.weight

    def __call__(self, *, embedding: Tensor, emotionless_embedding: Tensor) -> Tensor:
        return self.weight * (embedding - emotionless_embedding).abs().mean()


class Positional(Sound):
    """asks by position"""

    breaks = "asks for words by name"

    def __call__(self, embedding: Tensor, emotionless_embedding: Tensor) -> Tensor:
        return (embedding - emotionless_embedding).abs().mean()


class AsksForAll(Sound):
    """asks for whatever there is, and takes what it did not name"""

    breaks = "asks for words by name"

    def __call__(self, *, embedding: Tensor, **words: Tensor) -> Tensor:
        return (embedding - words["emotionless_embedding"]).abs().mean()


class Misspelt(Sound):
    """asks for a word that nothing makes"""

    breaks = "asks for words by name"

    def __call__(self, *, embedding: Tensor, emotionles_embedding: Tensor) -> Tensor:
        return (embedding - emotionles_embedding).abs().mean()


class MisspeltDefault(Sound):
    """asks for a word that nothing makes, with a default"""

    breaks = "asks for words by name"

    def __call__(self, *, embedding: Tensor, emotionless_embedding: Tensor, imag: Tensor | None = None) -> Tensor:
        return (embedding - emotionless_embedding).abs().mean()


class OnePerFace(Sound):
    """a number for each face"""

    breaks = "is one number"

    def __call__(self, *, embedding: Tensor, emotionless_embedding: Tensor) -> Tensor:
        return (embedding - emotionless_embedding).abs().mean(1)


class ManyFaces(Sound):
    """divides by the number of faces less one"""

    breaks = "is one number"

    def __call__(self, *, embedding: Tensor, emotionless_embedding: Tensor) -> Tensor:
        return (embedding - emotionless_embedding).abs().sum() / (len(embedding) - 1)


class Idle(Sound):
    """asks for a word that it never reads"""

    breaks = "reads every word that it asks for"

    def __call__(self, *, embedding: Tensor, emotionless_embedding: Tensor, drawn: Tensor) -> Tensor:
        return (embedding - emotionless_embedding).abs().mean()


class NotOptional(Sound):
    """needs the word that it says it can do without"""

    breaks = "optional words may be left out"

    def __call__(self, *, embedding: Tensor, emotionless_embedding: Tensor, drawn: Tensor | None = None) -> Tensor:
        return (embedding - emotionless_embedding).abs().mean() + 0 * drawn.mean()


class NeverZero(Sound):
    """a tenth more than nothing"""

    breaks = "is zero where nothing is wrong"

    def __call__(self, *, embedding: Tensor, emotionless_embedding: Tensor) -> Tensor:
        return (embedding - emotionless_embedding).abs().mean() + 0.1


class Reward(Sound):
    """below zero for what is wrong"""

    breaks = "is zero where nothing is wrong"

    def __call__(self, *, embedding: Tensor, emotionless_embedding: Tensor) -> Tensor:
        return -(embedding - emotionless_embedding).abs().mean()


class Root(Sound):
    """a square root, whose slope at zero is infinite"""

    breaks = "gradients are finite"

    def __call__(self, *, embedding: Tensor, emotionless_embedding: Tensor) -> Tensor:
        return (embedding - emotionless_embedding).square().sum(1).sqrt().mean()


class Detached(Sound):
    """reads only what training cannot change"""

    breaks = "gradients are finite"

    def __call__(self, *, embedding: Tensor, emotionless_embedding: Tensor) -> Tensor:
        return (embedding - emotionless_embedding.detach()).abs().mean()


class OneType(Sound):
    """adds what must have one type"""

    breaks = "works under autocast"

    def __call__(self, *, image: Tensor, drawn: Tensor) -> Tensor:
        return torch.zeros(3).index_add(0, torch.arange(3), (drawn - image).abs().mean((0, 2, 3))).mean()


class Distinct(Sound):
    """has no zero, and says so"""

    no_zero = "two people in a batch never look alike"

    def __call__(self, *, parameters: FacialParameters) -> Tensor:
        return (1 - (parameters.identity - 0.5)).square().mean()


class Doubled(Sound):
    """in float64"""

    breaks = "is one number"

    def __call__(self, *, embedding: Tensor, emotionless_embedding: Tensor) -> Tensor:
        return (embedding - emotionless_embedding).double().abs().mean()


class Normalises(Sound):
    """normalises the embeddings where they stand"""

    breaks = "leaves its input alone"

    def __call__(self, *, embedding: Tensor, emotionless_embedding: Tensor) -> Tensor:
        if not embedding.requires_grad:
            embedding /= embedding.norm(dim=1, keepdim=True)
        one = embedding / embedding.norm(dim=1, keepdim=True)
        other = emotionless_embedding / emotionless_embedding.norm(dim=1, keepdim=True)
        return (one - other).abs().mean()


@hookimpl
def aubench_losses() -> list[Component]:
    return cards("loss", Sound)
