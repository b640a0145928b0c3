"""Page of the quantities that a loss may request, generated from :mod:`aubench.quantities` and the providers."""

from __future__ import annotations

import inspect
from typing import Any

INTRODUCTION = """# Quantities for losses

Generated from `aubench/quantities.py` when the site is built. A loss names these quantities as keyword-only parameters;
each is computed once per step: see [how a loss gets its inputs](../concepts/losses.md).

$F_{seg}$ is the extractor, $G$ the renderer, $F_{reg}$ the recogniser, $R$ the regressor, $b$ the number of faces.
"Computed from" names the inputs; *batch* means that the batch contains the quantity.

"""
BATCH = (
    "image", "features", "embedding", "sampled_parameters", "sampled_features", "people_aus", "people_features",
    "people_neutral", "neutral_features", "warped_features", "warped_strengths", "before_features", "after_features",
    "peer_features",
)  # fmt: skip


def page() -> str:
    """Markdown of all quantities in one table."""
    from aubench.quantities import QUANTITIES

    made = _providers()
    rows = ["| quantity | meaning | type, range | computed from |", "|---|---|---|---|"]
    for word in QUANTITIES.values():
        inputs = None if word.name in BATCH else made[word.name]
        of = "*batch*" if inputs is None else ", ".join(f"`{name}`" for name in inputs) or "*nothing, once per run*"
        rows.append(f"| `{word.name}` | {word.meaning} | {word.shape}, {word.range} | {of} |")
    return INTRODUCTION + "\n".join(rows) + "\n"


def _providers() -> dict[str, tuple[str, ...]]:
    """The inputs of every provider, as a run with a landmark network would have them."""
    from aubench_training.providers import standard_providers

    class Network:
        def heatmaps(self) -> None: ...

    network: Any = Network()
    providers = standard_providers(
        lambda: network, lambda: network, lambda: network, network, network, network, network
    )
    return {word: tuple(inspect.signature(provider).parameters) for word, provider in providers.items()}
