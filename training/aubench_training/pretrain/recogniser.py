"""``aubench pretrain recogniser``: who is it, whatever the expression, the pose, the light and the style of drawing?

An identity is what the face parameters say it is: the 208 identity numbers and the brow style. Looks (skin, light,
camera, glasses, background) change from picture to picture like pose and AUs, and some pictures are in game style,
because the identity loss compares a game drawing with a photo.

Names alone teach a network without norms too slowly for two cores (chance after 1,000 steps), and an engine knows more
than a name: what this person looks like at rest. So each identity has a code, the principal components of its frontal,
emotionless game picture. The network learns, through a linear reader, to tell that code and to be nearer to it than to
any other person's; at the end the reader is fitted in closed form and becomes a part of the layer that makes the
embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from aubench.component import Config
from aubench.errors import UserError
from aubench.parameters import AU, BASE_AU, BASE_POSE, BROW, IDENTITY, POSE
from aubench_training import device as devices
from aubench_training.pretrain import preflight, publish
from aubench_training.pretrain.loop import Budget, Settings, epoch_rows, train
from aubench_training.pretrain.publish import Part, Request, pool_seed
from aubench_training.pretrain.quality import equal_error_rate, verification_auc
from aubench_training.samples import Samples, build_engine, engine_samples, random_inputs

POSE_PART = 0.4
"""Share of the pose range over which an identity's head turns."""


class RecogniserRecipe(Config):
    """Options of the pretraining, see ``pretrain-recogniser.yaml``."""

    engine: Part = Part(name="bdfm")
    network: Part = Part(name="lightcnn")
    identities: int = Field(600, ge=2)
    photos: int = Field(9, ge=2)
    """Pictures of each identity in photo style, each with a look of its own."""
    games: int = Field(3, ge=2)
    """Pictures of each identity in game style."""
    held_out: int = Field(60, ge=2)
    steps: int = Field(900, ge=1)
    batch: int = Field(24, ge=2)
    rate: float = Field(0.001, gt=0)
    components: int = Field(32, ge=1)
    """Principal components of the picture at rest that make an identity's code."""
    scale: float = 12.0
    """Of the cosines in the softmax over identities."""
    names: float = 0.05
    """Weight of the softmax beside the distance to the code."""


def identity_codes(pictures: Tensor, components: int) -> Tensor:
    """One vector (n, components) for each picture at rest (n, 3, h, w): its principal components at 32 pixels.

    They are scaled by the square root of their spread, between raw (the outline of the head is all) and whitened (what
    cannot be seen counts as much), and to mean square one.
    """
    small = F.adaptive_avg_pool2d(pictures, 32).flatten(1)
    left, spread, _ = torch.linalg.svd(small - small.mean(0), full_matrices=False)
    scores: Tensor = left[:, :components] * spread[:components].sqrt()
    return scores / scores.square().mean().sqrt()


class CodeReader(nn.Module):
    """Reads codes off embeddings that are standardised over the batch: without that, a network that has no norms spends
    its first thousand steps on making embeddings differ at all."""

    def __init__(self, width: int, components: int) -> None:
        super().__init__()
        self.reader = nn.Linear(width, components)
        nn.init.normal_(self.reader.weight, std=0.02)

    def forward(self, embedding: Tensor) -> Tensor:
        code: Tensor = self.reader(F.batch_norm(embedding.float(), None, None, training=True))
        return code


def identity_vectors(sample: npt.NDArray[np.float32], identities: int, each: int, seed: int) -> npt.NDArray[np.float32]:
    """``each`` faces of every identity in a row, (identities * each, 269): pose and AUs from sampled faces of their
    own, and the first face of each identity frontal and emotionless.

    Heads turn over a part of their range only, and expressions are of every strength down to none: at 40 degrees
    and in full grimace nobody is recognised at 128 pixels (a ridge on the parser's maps reaches an AUC of 0.61 there).
    """
    random = np.random.default_rng([seed, 0x1DE7])
    faces = sample[: identities * each].copy().reshape(identities, each, -1)
    for part in (IDENTITY, BROW):
        faces[:, :, part] = faces[:, :1, part]
    strength = random.random((identities, each, 1))
    faces[:, :, POSE] = BASE_POSE + POSE_PART * (faces[:, :, POSE] - BASE_POSE)
    faces[:, :, AU] = BASE_AU + strength * (faces[:, :, AU] - BASE_AU)
    faces[:, 0, POSE], faces[:, 0, AU] = BASE_POSE, BASE_AU
    return faces.reshape(identities * each, -1)


class IdentityLearner:
    """Learns embeddings from pools in which each identity has a run of rows."""

    def __init__(
        self, network: Any, pools: Mapping[str, Samples], recipe: RecogniserRecipe, seed: int, device: torch.device
    ) -> None:
        self.network, self.recipe, self.seed, self.device = network, recipe, seed, device
        each = {"photo": recipe.photos, "game": recipe.games}
        self.places = [(pool, row, row // each[style]) for style, pool in pools.items() for row in range(len(pool))]
        size = next(iter(pools.values())).images.shape[1]
        with torch.no_grad():
            width = network.embed(torch.zeros(1, 3, size, size)).shape[1]
        # The first game picture of an identity is frontal and emotionless.
        rest = torch.from_numpy(np.array(pools["game"].images[:: recipe.games])).permute(0, 3, 1, 2).float() / 255
        self.codes = identity_codes(rest, recipe.components).to(device)
        self.helpers: nn.Module = CodeReader(width, self.codes.shape[1])
        centre_layers(network, self.some(64)[0])

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        rows = epoch_rows(len(self.places), self.recipe.batch, step, self.seed)
        random = np.random.default_rng([self.seed, 2, step])
        picked = [self.places[row] for row in rows]
        images = torch.from_numpy(np.stack([pool.images[row] for pool, row, _ in picked]))
        image = images.permute(0, 3, 1, 2).float() / 255
        b = len(picked)
        gain, offset = (torch.from_numpy(random.uniform(lo, hi, (b, 1, 1, 1)).astype(np.float32))
                        for lo, hi in ((0.75, 1.25), (-0.1, 0.1)))  # fmt: skip
        shift = random.integers(-1, 2, 2)
        image = (image * gain + offset).clamp(0, 1).roll((int(shift[0]), int(shift[1])), (2, 3))
        return image, torch.tensor([identity for *_, identity in picked])

    def loss(self, batch: tuple[Tensor, Tensor], fraction: float) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        image, identity = (part.to(self.device, non_blocking=True) for part in batch)
        embedding = self.network.embed(image)
        # The margin comes late: from the start it keeps a deep network without norms from moving.
        code = self.helpers(embedding).float()
        distance = F.mse_loss(code, self.codes[identity])
        cosine = F.normalize(code, dim=1) @ F.normalize(self.codes, dim=1).T
        name = F.cross_entropy(self.recipe.scale * cosine, identity)
        return distance + self.recipe.names * name, {"distance": distance, "name": name}

    def some(self, count: int) -> tuple[Tensor, Tensor]:
        """About ``count`` of the pictures (n, 3, h, w) and their codes."""
        picked = self.places[:: max(1, len(self.places) // count)]
        images = torch.from_numpy(np.stack([pool.images[row] for pool, row, _ in picked]))
        return images.permute(0, 3, 1, 2).float() / 255, self.codes[[identity for *_, identity in picked]]


@torch.no_grad()
def centre_layers(network: Any, image: Tensor) -> None:
    """Start every convolution and linear layer with outputs of mean 0 and spread 1 on some pictures (n, 3, h, w),
    channel by channel, by scaling its weights and setting its bias (after Mishkin and Matas, "All you need is a good
    init", ICLR 2016).

    LightCNN has no norms, and its input and what its maxima let through are positive: whatever is shown, all its maps
    start nearly alike, and it hardly learns from there.
    """

    def centre(layer: nn.Module, _: Any, out: Tensor) -> Tensor:
        weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
        over = [d for d in range(out.ndim) if d != 1]
        mean, spread = out.mean(over), out.std(over) + 1e-4
        shape = (1, -1, *(1,) * (out.ndim - 2))
        weight.div_(spread.view(-1, *(1,) * (weight.ndim - 1)))
        bias.sub_(mean).div_(spread)
        return (out - mean.view(shape)) / spread.view(shape)

    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear) and m.bias is not None]
    handles = [layer.register_forward_hook(centre) for layer in layers]
    try:
        network.embed(image)
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def embeddings(network: Any, pool: Samples, device: torch.device, batch: int = 50) -> npt.NDArray[np.float64]:
    """Unit-length embeddings (n, d)."""
    out = []
    for start in range(0, len(pool), batch):
        image = torch.from_numpy(np.array(pool.images[start : start + batch])).permute(0, 3, 1, 2).float() / 255
        out.append(F.normalize(network.embed(image.to(device)).float(), dim=1).cpu())
    return torch.cat(out).double().numpy()


@torch.no_grad()
def embed_codes(network: Any, image: Tensor, codes: Tensor, device: torch.device, seed: int) -> None:
    """Make the embedding the code that it tells, turned at random into its 256 numbers, so that cosines between
    embeddings are cosines between codes and pose, light and expression have no place in them.

    The reader is a ridge regression from the embeddings of pictures (n, 3, h, w) to their ``codes`` (n, k), multiplied
    into the linear layer that makes the embedding.
    """
    found = torch.cat([network.embed(part.to(device)).float() for part in torch.split(image, 50)]).double()
    layers = [m for m in network.modules() if isinstance(m, nn.Linear) and m.out_features == found.shape[1]]
    if not layers or layers[-1].bias is None:
        raise UserError(
            "the recogniser's embedding is not made by a linear layer with a bias; pretraining needs one",
            code="plugin-unsupported",
        )
    mean, spread = found.mean(0), found.std(0) + 1e-6
    standard = (found - mean) / spread
    gram = standard.T @ standard + 0.05 * len(standard) * torch.eye(len(mean), dtype=torch.float64, device=device)
    reader = torch.linalg.solve(gram, standard.T @ codes.double())
    turn, _ = torch.linalg.qr(torch.from_numpy(np.random.default_rng(seed).normal(size=(len(mean), codes.shape[1]))))
    through = turn.to(device) @ reader.T / spread
    layer = layers[-1]
    bias = through @ (layer.bias.double() - mean)
    layer.weight.copy_(through @ layer.weight.double())
    layer.bias.copy_(bias)


def compare(
    mine: npt.NDArray[np.float64],
    theirs: npt.NDArray[np.float64],
    who: npt.NDArray[np.int64],
    whose: npt.NDArray[np.int64],
) -> dict[str, float]:
    """AUC and equal error rate over all pairs of one row of ``mine`` with one of ``theirs`` (not with itself)."""
    cosine = mine @ theirs.T
    same = who[:, None] == whose[None, :]
    other = np.ones_like(same) if mine is not theirs else np.triu(np.ones_like(same), 1)
    yes, no = cosine[same & other], cosine[~same & other]
    return {"auc": verification_auc(yes, no), "eer": equal_error_rate(yes, no), "same": float(yes.mean()),
            "different": float(no.mean())}  # fmt: skip


def check_recogniser(recipe: RecogniserRecipe, request: Request) -> None:
    """Raise ``UserError`` for what can be known to go wrong before a face is drawn."""
    preflight.check(
        "recogniser", recipe.network, [recipe.engine], request, preflight.try_recogniser,
        needs=("embed",),
    )  # fmt: skip


def pretrain_recogniser(recipe: RecogniserRecipe, request: Request) -> dict[str, Any]:
    """Draw, train, measure, write. Returns the quality numbers."""
    device = devices.choose_device(request.device)
    check_recogniser(recipe, request)
    engine = build_engine(recipe.engine.name, recipe.engine.config)

    def pools(purpose: str, identities: int) -> dict[str, Samples]:
        seed = pool_seed(request.seed, f"recogniser {purpose}")
        each = recipe.photos + recipe.games
        sample = engine.sample(identities * each, seed).vector().numpy()
        vectors = identity_vectors(sample, identities, each, seed)
        runs = vectors.reshape(identities, each, -1)
        out = {}
        # The frontal, emotionless first face of each identity goes to the game pictures: gbe of the identity loss.
        for style, part in (("game", runs[:, : recipe.games]), ("photo", runs[:, recipe.games :])):
            flat = part.reshape(-1, part.shape[-1])
            out[style] = engine_samples(
                recipe.engine.name,
                recipe.engine.config,
                len(flat),
                seed,
                "game" if style == "game" else "photo",
                request.cache,
                inputs=random_inputs(
                    flat, seed, looks="one" if style == "game" else "many", nuisance=0.5 * (style == "photo")
                ),
                workers=request.workers,
            )
        return out

    learned, held_out = pools("train", recipe.identities), pools("held-out", recipe.held_out)
    devices.seed_everything(request.seed)
    card, network = publish.build_blank("recogniser", recipe.network)
    learner = IdentityLearner(network, learned, recipe, request.seed, device)
    budget = Budget(request.steps or (None if request.minutes else recipe.steps), request.minutes)
    settings = Settings(rate=recipe.rate, clip=1.0, warmup=0.1)
    outcome = train(
        learner,
        budget,
        settings,
        request.out,
        title="recogniser",
        seed=request.seed,
        device=device,
        resume=request.resume,
    )
    facts = {
        "steps": outcome.steps,
        "recipe": recipe.model_dump(mode="json"),
        **publish.pool_facts(**learned, **{f"held_out_{style}": pool for style, pool in held_out.items()}),
    }
    embed_codes(outcome.network, *learner.some(800), device, request.seed)
    path = publish.save_weights(outcome.network, card, recipe.network, request, facts)
    _, measured = publish.build_trained("recogniser", recipe.network, path)
    measured = devices.place(measured, device, frozen=True)
    found = {style: embeddings(measured, pool, device) for style, pool in held_out.items()}
    who = {
        "photo": np.arange(len(held_out["photo"])) // recipe.photos,
        "game": np.arange(len(held_out["game"])) // recipe.games,
    }
    rows = {
        "photo against photo": compare(found["photo"], found["photo"], who["photo"], who["photo"]),
        "game against game": compare(found["game"], found["game"], who["game"], who["game"]),
        "game against photo": compare(found["game"], found["photo"], who["game"], who["photo"]),
    }
    quality: dict[str, Any] = {f"auc_{name.replace(' ', '_')}": row["auc"] for name, row in rows.items()}
    quality["verification"] = rows
    table = [[name, row["auc"], row["eer"], row["same"], row["different"]] for name, row in rows.items()]
    body = "\n\n".join(
        [
            f"Verification on {recipe.held_out} held-out identities, all pairs, each picture with its own pose, AUs, "
            "light and (photo) look:",
            publish.markdown_table(["pairs", "AUC", "equal error rate", "cosine, same", "cosine, different"], table),
        ]
    )
    speed = {"steps_per_second": round(outcome.speed, 3), "seconds": round(outcome.seconds, 1)}
    publish.finish(path, card, request, "Recogniser", quality, {**facts, **speed}, body)
    return quality
