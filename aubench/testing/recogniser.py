"""The suite of recognisers: :class:`aubench.contracts.Recogniser`."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from aubench.component import Kind

from .images import ImageSuite
from .promise import expect
from .values import Answers


class RecogniserSuite(ImageSuite):
    """Images to embeddings: ``class TestMine(RecogniserSuite): plugin = "mine"``."""

    kind: ClassVar[Kind] = "recogniser"

    @staticmethod
    def answer(made: Any, example: Any) -> Answers:
        return {"embedding": made.embed(example)}

    def test_embeddings_have_their_shape(self) -> None:
        """(b, d) floats."""
        made = self.built.embed(self.example())
        expect(isinstance(made, Tensor), f"embed returned a {type(made).__name__}, not a tensor")
        expect(made.ndim == 2 and len(made) == self.batch, f"embed made {tuple(made.shape)}, not ({self.batch}, d)")
        expect(made.is_floating_point(), f"embed made {made.dtype}, not floating point")

    def test_embeddings_can_be_compared(self) -> None:
        """By cosine: none is zero, and other faces point elsewhere."""
        made = self.built.embed(self.example()).detach().double()
        expect(bool((made.norm(dim=1) > 0).all()), "an embedding is zero, so that it has no cosine to any other")
        cosine = torch.nn.functional.cosine_similarity(made[:-1], made[1:])
        expect(bool((cosine < 1 - 1e-9).any()), "all faces have one embedding")
