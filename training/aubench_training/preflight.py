"""What can be known to be wrong with a run before its first picture is drawn: drawing takes minutes, or hours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aubench.combination import feature_shapes
from aubench.component import Kind
from aubench.contracts import Dataset
from aubench.data.dataset import PreparedDataset
from aubench.errors import UserError
from aubench.parameters import AU_NAMES

from . import baselines
from .bench import Bench
from .config import Part, RunConfig, preset_options


def require_weights(config: RunConfig) -> None:
    """Raises ``UserError`` for weights that the preset names and nobody has trained yet, with the command that does."""
    for kind, part in _networks(config):
        path = preset_options(config.preset).get(part.name, {}).get("weights")
        if path is not None and part.config.get("weights") == path and not Path(path).is_file():
            raise UserError(
                f"--preset {config.preset}: the weights of {kind} {part.name!r} are not there ({path}); "
                f"`aubench pretrain --recipe {config.preset}` makes those of all networks, in this folder",
                code="weights-missing",
            )


def _networks(config: RunConfig) -> Iterator[tuple[Kind, Part]]:
    yield "extractor", config.extractor
    yield "renderer", config.renderer
    if config.recogniser is not None:
        yield "recogniser", config.recogniser


def preflight(bench: Bench) -> None:
    """Check the parts of a run against each other, once they are built: their weights are loaded then.

    Raises ``UserError`` for data sets that are not prepared or whose split is not known, for pictures of sizes that do
    not go together, and for baselines that cannot be built. Draws nothing and reads no label.
    """
    bench.renderer()  # for the figure, even where no loss draws
    for dataset in bench.datasets:
        if isinstance(dataset, PreparedDataset) and not getattr(dataset.reader, "automatic", False):
            _ = dataset.split  # opens the store
    _check_sizes(bench)
    baselines.check(bench.config, bench.datasets)
    for dataset in bench.datasets:
        if unknown := [name for name in dataset.aus if name not in AU_NAMES]:
            bench.console.print(
                f"{dataset.name}: no parameter of the face stands for {', '.join(unknown)}: not predicted",
                markup=False, highlight=False,
            )  # fmt: skip


def size_of(dataset: Dataset) -> int | None:
    """Side of a data set's crops, where its options say so."""
    size = getattr(getattr(dataset, "config", None), "size", None)
    return size if isinstance(size, int) else None


def _check_sizes(bench: Bench) -> None:
    """A batch holds pictures of one size, and R reads features of one shape."""
    sizes = [(dataset.name, size) for dataset in bench.datasets if (size := size_of(dataset)) is not None]
    told = ", ".join(f"{name} {size} px" for name, size in sizes)
    if len({size for _, size in sizes}) > 1 and "image" in bench.words:
        raise UserError(
            f"data sets of several sizes: {told}; the losses compare their pictures, so prepare and ask for all at one "
            "size (option size)",
            code="config-invalid",
        )
    expected = bench.combination.shapes
    for name, size in sizes:
        found = feature_shapes(bench.combination.extractor, size)
        if (found.fused, found.maps) != (expected.fused, expected.maps):
            raise UserError(
                f"extractor {bench.config.extractor.name!r} gives features of another shape for {name} ({size} px) "
                f"than for faces of engine {bench.config.engine.name!r} ({bench.combination.size} px); use one size "
                "(option size of both)",
                code="config-invalid",
            )
