"""The page of the words that a loss may ask for, written from :mod:`aubench.quantities` and from who makes them."""

from __future__ import annotations

import inspect
from typing import Any

INTRODUCTION = """# Words of losses

Made from `aubench/quantities.py` when the site is built. A loss names these words as keyword-only parameters and gets
them computed, each once per step: see [what a loss asks for](../concepts/losses.md).

$F_{seg}$ is the extractor, $G$ the renderer, $F_{reg}$ the recogniser, $R$ the regressor, $b$ the number of faces.
"Made of" names the words that must be there before; *batch* means that the step is given it.

"""
BATCH = (
    "image", "features", "embedding", "sampled_parameters", "sampled_features", "people_aus", "people_features",
    "people_neutral",
)  # fmt: skip


def page() -> str:
    """Markdown of the vocabulary as one table."""
    from aubench.quantities import QUANTITIES

    made = _providers()
    rows = ["| word | what it is | type, range | made of |", "|---|---|---|---|"]
    for word in QUANTITIES.values():
        inputs = None if word.name in BATCH else made[word.name]
        of = "*batch*" if inputs is None else ", ".join(f"`{name}`" for name in inputs) or "*nothing, once a run*"
        rows.append(f"| `{word.name}` | {word.meaning} | {word.shape}, {word.range} | {of} |")
    return INTRODUCTION + "\n".join(rows) + "\n"


def _providers() -> dict[str, tuple[str, ...]]:
    """The inputs of every provider, as a run with a landmark network would have them."""
    from aubench_training.providers import standard_providers

    class Network:
        def heatmaps(self) -> None: ...

    network: Any = Network()
    providers = standard_providers(lambda: network, lambda: network, lambda: network, network, network, network)
    return {word: tuple(inspect.signature(provider).parameters) for word, provider in providers.items()}
