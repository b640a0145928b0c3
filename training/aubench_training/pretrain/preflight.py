"""What can be known to be wrong with a pretraining before its first face is drawn: drawing takes hours.

Networks are built here for trial, with the weights that they go on from, shown one picture and thrown away, so that the
training itself starts as if nothing had been tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from aubench import discovery
from aubench.component import Component, Kind
from aubench.errors import UserError
from aubench.parameters import SIZE
from aubench_training.checkpoint import Checkpoints
from aubench_training.pretrain import publish
from aubench_training.pretrain.publish import Part, Request
from aubench_training.samples import build_engine
from aubench_training.space import require_writable

Trial = Callable[[Any, int], None]
"""Tries a network on one picture of so many pixels a side."""


def check(
    kind: Kind,
    network: Part,
    engines: Sequence[Part],
    request: Request,
    trial: Trial,
    *,
    needs: tuple[str, ...],
    start: str = "none",
) -> None:
    """Raises ``UserError`` for a folder that is taken or cannot be written into, for engines and networks that cannot
    be built or do not fit each other, and for weights that ``--install`` would put where they do not fit.

    ``needs``: what the training asks of the network; ``start``: the weights that it goes on from.
    """
    require_free(request)
    size = _one_size(engines)
    with torch.random.fork_rng(devices=[]):
        card, made = publish.build_blank(kind, network, start=start)
        if missing := [name for name in needs if not hasattr(made, name)]:
            raise UserError(
                f"{kind} {network.name!r}: cannot be pretrained here, it has no {', '.join(missing)}",
                code="plugin-unsupported",
            )
        with torch.no_grad():
            made.eval()
            trial(made, size)
    if request.install:
        _check_install(kind, card, made, network, request)


def require_free(request: Request) -> None:
    """Raises ``UserError`` where ``--out`` cannot be written into, holds finished weights, or a run to go on with."""
    out = request.out
    require_writable(out, "--out")
    if (out / "quality.json").is_file():
        raise UserError(
            f"--out {out}: holds finished weights; choose another folder, or move it away", code="run-exists"
        )
    if not request.resume and Checkpoints(out / "checkpoints", keep=2).latest() is not None:
        raise UserError(
            f"{out}: holds a run already; add --resume to go on with it, or choose another --out", code="run-exists"
        )


def _one_size(engines: Sequence[Part]) -> int:
    """The side of the faces of all engines: a batch holds faces of one size."""
    sizes = [_engine_size(part) for part in engines]
    if len(set(sizes)) > 1:
        told = ", ".join(f"{part.name} {size} px" for part, size in zip(engines, sizes, strict=True))
        raise UserError(f"engines of several sizes: {told}; give all one (option size)", code="config-invalid")
    return sizes[0]


def _engine_size(part: Part) -> int:
    engine = build_engine(part.name, part.config)
    if not hasattr(engine, "sample"):
        raise UserError(
            f"engine {part.name!r} has no faces to sample: it is a renderer, but not an engine",
            code="plugin-unsupported",
        )
    return int(engine.size)


def _check_install(kind: Kind, card: Component, made: Any, network: Part, request: Request) -> None:
    """What is shipped must fit the network that looks for it there: the plugin's default one, or its preset's."""
    require_writable(publish.shipped(card, request.variant).parent, "--install")
    options = publish.network_of(card.name, request.variant)
    if options is None:
        return
    theirs = discovery.build(kind, network.name, {**options, "weights": "none"}).state_dict()
    mine = made.state_dict()
    if {k: v.shape for k, v in mine.items()} != {k: v.shape for k, v in theirs.items()}:
        who = f"weights: shipped:{request.variant}" if request.variant else "the default weights"
        raise UserError(
            f"--install: {who} of {card.name} are those of a network with {options or 'its default options'}, but this "
            f"one has {network.config}; leave --install out and give the plugin the file that is left in {request.out}",
            code="option-conflict",
        )


def zeros(size: int) -> torch.Tensor:
    """A black picture (1, 3, size, size)."""
    return torch.zeros(1, 3, size, size)


def try_parser(network: Any, size: int) -> None:
    """What the training of a face parser does with a picture."""
    network.heads(network.prepare(zeros(size)))
    network.window(size, size)


def try_landmarks(network: Any, size: int) -> None:
    """What the training of a landmark network does with a picture."""
    network(network.prepare(zeros(size)))


def try_recogniser(network: Any, size: int) -> None:
    """What the training of a recogniser does with a picture."""
    network.embed(zeros(size))


def try_generator(network: Any, size: int) -> None:
    """Raises ``UserError`` where the generator does not draw pictures of the engine's size."""
    side = network(torch.full((1, SIZE), 0.5)).shape[-1]
    if side != size:
        raise UserError(
            f"the engine draws {size} px and the generator {side} px; give both one size with --set "
            "engine.config.size=N and --set network.config.size=N",
            code="config-invalid",
        )
