"""A frozen timm backbone as an extractor: levels by stride, its own normalisation, attention from a parser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import timm
import torch
import torch.nn.functional as F
from torch import Tensor

from aubench import discovery
from aubench.contracts import Features, Parser
from aubench.errors import UserError, did_you_mean
from aubench.frozen import Frozen
from aubench.images import require_image
from aubench.regions import CLASSES_OF, attention
from aubench.weights import Source, load_into

from . import TimmConfig

HEADS = ("fc.", "head.", "classifier.", "conv_head.", "bn2.")
"""Prefixes of what a whole network has after its last map; a file of weights may hold them."""

LEVEL_OF = {"eyes": 0, "brows": 0, "nose": 1, "mouth": 1, "face": 2}
"""Which of the three chosen levels a region's map is taken from; f_gb is the last."""


class TimmFeatures(Frozen):
    """See :class:`TimmConfig`. Takes RGB images in [0, 1] of any size; gradients flow to them, through the parser
    too."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: TimmConfig) -> None:
        super().__init__()
        self.config = config
        pretrained = _pretrained_config(config)
        self.size = config.size or int(pretrained["input_size"][-1])
        self.interpolation = "bicubic" if pretrained["interpolation"] == "bicubic" else "bilinear"
        self.backbone, self.levels = _backbone(config, self.size)
        self.layout = str(getattr(getattr(self.backbone, "output_fmt", None), "value", "NCHW"))
        self.register_buffer("mean", torch.tensor(pretrained["mean"]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(pretrained["std"]).view(1, 3, 1, 1), persistent=False)
        if config.weights == "pretrained":
            licence = pretrained["license"] or "not stated by timm"
            self.backbone.weights_source = Source(f"timm {config.backbone}", licence, pretrained["origin"])
        elif config.weights not in (None, "none"):
            load_into(self.backbone, str(config.weights), ignore=HEADS)
        self.parser = _parser(config)
        self.freeze()

    def prepare(self, image: Tensor) -> Tensor:
        """RGB in [0, 1] (b, 3, h, w) to what the backbone was trained on (b, 3, size, size)."""
        if image.shape[-2:] != (self.size, self.size):
            size, mode = (self.size, self.size), self.interpolation
            image = F.interpolate(image.float(), size=size, mode=mode, align_corners=False, antialias=True)
        return (image - self.mean) / self.std

    def features(self, image: Tensor) -> Features:
        """f_gb: the deepest level. T: the level of each region times its attention, if there is a parser; the mean of
        the attention over the pixels of a cell."""
        made = self.backbone(self.prepare(require_image(image)))
        order = sorted(set(self.levels))
        stages = [_channels_first(made[order.index(i)], self.layout) for i in self.levels]
        if self.parser is None:
            maps = {region: stages[level] for region, level in LEVEL_OF.items()}
            return Features(stages[-1], maps)
        weight = attention(self.parser.parse(image))
        maps = {}
        for row, region in enumerate(CLASSES_OF):
            stage = stages[LEVEL_OF[region]]
            here = F.adaptive_avg_pool2d(weight[:, row : row + 1], (stage.shape[-2], stage.shape[-1]))
            maps[region] = stage * here
        return Features(stages[-1], maps)


def choose_levels(reductions: Sequence[int], strides: Sequence[int]) -> list[int]:
    """The level whose stride is nearest (by ratio) to each wanted one. Where several levels are as near, as in a vision
    transformer whose layers all have the same, the wants that meet there are spread over them from shallow to deep."""
    distance = [[abs(math.log2(r / s)) for r in reductions] for s in strides]
    nearest = [tuple(i for i, d in enumerate(row) if d <= min(row) + 1e-9) for row in distance]
    chosen = []
    for want, candidates in enumerate(nearest):
        rivals = [w for w, c in enumerate(nearest) if c == candidates]
        place = math.ceil((rivals.index(want) + 1) * len(candidates) / len(rivals)) - 1
        chosen.append(candidates[place])
    return chosen


def _pretrained_config(config: TimmConfig) -> dict[str, Any]:
    """Input size, mean, spread and licence that belong to the weights. Raises :class:`UserError` for a name that timm
    does not know, and for one without weights unless random numbers are asked for."""
    architecture, _, tag = config.backbone.partition(".")
    if not timm.is_model(architecture):
        near = did_you_mean(architecture, timm.list_models())
        raise UserError(f"extractor 'timm': timm has no network {architecture!r}. {near[:400]}", code="name-unknown")
    try:
        found = timm.get_pretrained_cfg(config.backbone)
    except RuntimeError:  # the network is there, but no weights of this tag
        found = None
    wanted = config.weights == "pretrained" and not (found is not None and found.has_weights)
    if wanted or (tag and found is None):
        tags = [str(name) for name in timm.list_pretrained(f"{architecture}.*")]
        remedy = did_you_mean(config.backbone, tags) if tags else "There are none for this network."
        raise UserError(
            f"extractor 'timm': no pretrained weights {config.backbone!r}. {remedy} "
            "For random weights, set weights: none",
            code="weights-missing",
        )
    values = vars(found) if found is not None else {}
    return {
        "input_size": values.get("input_size", (3, 224, 224)),
        "mean": values.get("mean", (0.485, 0.456, 0.406)),
        "std": values.get("std", (0.229, 0.224, 0.225)),
        "interpolation": values.get("interpolation", "bilinear"),
        "license": values.get("license"),
        "origin": values.get("hf_hub_id") or values.get("url") or "timm",
    }


def _backbone(config: TimmConfig, size: int) -> tuple[Any, list[int]]:
    """The network with the chosen levels only, and the level for each wanted stride."""
    pretrained = config.weights == "pretrained"
    options: dict[str, Any] = {"features_only": True}
    probe: Any
    try:
        try:
            probe = timm.create_model(config.backbone, pretrained=False, img_size=size, **options)
            options["img_size"] = size
        except TypeError:  # convolutions take any size and have no such option
            probe = timm.create_model(config.backbone, pretrained=False, **options)
    except (RuntimeError, AttributeError, AssertionError, NotImplementedError) as error:
        raise UserError(
            f"extractor 'timm': {config.backbone} offers no inner maps ({_line(error)})", code="plugin-unsupported"
        ) from None
    levels = choose_levels(probe.feature_info.reduction(), config.strides)
    indices = [int(i) for i in probe.feature_info.out_indices]
    wanted = [indices[i] for i in sorted(set(levels))]
    try:
        made: Any = timm.create_model(config.backbone, pretrained=pretrained, out_indices=wanted, **options)
    except Exception as error:  # the hub answers with whatever its transport raises
        if not pretrained:
            raise
        raise UserError(
            f"extractor 'timm': weights of {config.backbone} cannot be downloaded ({_line(error)}); go online, or "
            "give weights: <file>, or random ones with weights: none",
            code="download-failed",
        ) from None
    return made, levels


def _parser(config: TimmConfig) -> Any:
    if config.masks == "none":
        return None
    made: Any = discovery.build("extractor", config.masks, config.masks_config)
    if not isinstance(made, Parser):
        raise UserError(
            f"extractor 'timm': masks: {config.masks} is not a parser; use a parser such as bisenet, or none",
            code="plugin-unsupported",
        )
    return made


def _channels_first(x: Tensor, layout: str) -> Tensor:
    """(b, c, h, w), also from a network whose maps are (b, h, w, c)."""
    return x.permute(0, 3, 1, 2) if layout == "NHWC" else x


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
