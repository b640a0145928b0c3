"""An extractor, the statistics of its features and a regressor: what reads AU intensities off a face, saved and loaded.

On disk a combination is ``model.safetensors`` (regressor and statistics) and ``model.json`` (which plugins with which
options, the AUs, versions). The extractor is frozen and comes from its plugin; the hash of its weights is in the JSON,
so that a regressor is never fed by another extractor than the one it learnt with; so is that of ``model.safetensors``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from aubench import __version__, discovery, plugin_files, weights
from aubench.contracts import WHOLE, Extractor, Features, FeatureShapes, Regressor, reads_persons
from aubench.errors import UserError
from aubench.files import atomic_write_text, sha256_file
from aubench.model_card import FORMAT, read_card, require_unaltered
from aubench.parameters import AU_NAMES, FacialParameters
from aubench.standardisation import Domain, Standardiser

SHIPPED = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Choice:
    """A plugin by name, with its options."""

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)


class Combination:
    """``extractor`` (frozen), ``standardiser`` and ``regressor``, on one device. ``size``: side of the aligned crops
    that it was made for. ``renderer``: which one draws the parameters that it reads, where that is known: identity
    numbers mean what the engine that it imitates makes of them."""

    aus = AU_NAMES

    def __init__(
        self, extractor: Choice, regressor: Choice, *, size: int, seed: int = 0, renderer: Choice | None = None
    ) -> None:
        self.extractor_choice, self.regressor_choice, self.size = extractor, regressor, size
        self.renderer_choice = renderer
        # A forked generator: networks without given weights are the same on every call, and nobody else's dice move.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.extractor: Extractor = discovery.build("extractor", extractor.name, extractor.config)
            self.shapes = feature_shapes(self.extractor, size)
            torch.manual_seed(seed)
            made: Any = discovery.build("regressor", regressor.name, regressor.config, shapes=self.shapes)
        self.regressor: Any = made
        self.standardiser = Standardiser(self.shapes)
        self.device = torch.device("cpu")
        self.extractor_digest = state_digest(self.extractor)

    @property
    def learned(self) -> nn.ModuleDict:
        """What training makes, and what is saved: the regressor and the statistics."""
        return nn.ModuleDict({"regressor": self.regressor, "standardiser": self.standardiser})

    def to(self, device: torch.device | str) -> Combination:
        self.device = torch.device(device)
        for part in (self.extractor, self.regressor, self.standardiser):
            if isinstance(part, nn.Module):
                part.to(self.device)
        return self

    def regress(self, features: Features, domain: Domain = "photo", regressor: Regressor | None = None) -> Any:
        """Facial parameters from raw features; ``regressor`` stands in for the own one (an average of its weights)."""
        return (regressor or self.regressor)(self.standardiser(features, domain))

    @torch.inference_mode()
    def predict(
        self, images: npt.NDArray[np.uint8] | Tensor, *, domain: Domain = "photo", batch: int = 64
    ) -> FacialParameters:
        """Facial parameters, on the CPU, of aligned crops: uint8 RGB (n, h, w, 3), or float in [0, 1] (n, 3, h, w)."""
        self.regressor.eval()
        parts = [
            self.regress(self.extractor.features(self._tensor(images[start : start + batch])), domain).to("cpu")
            for start in range(0, len(images), batch)
        ]
        if not parts:
            return FacialParameters.base(0)
        return FacialParameters.cat(parts)

    @property
    def reads_persons(self) -> bool:
        """Whether AUs can be read against a person's own neutral face."""
        return reads_persons(self.regressor)

    @property
    def entry_size(self) -> int:
        """How many numbers an entry has, see :class:`aubench.contracts.PersonRegressor`; 0 if there are none."""
        if not self.reads_persons:
            return 0
        with torch.inference_mode():
            blank = torch.zeros(1, 3, self.size, self.size, device=self.device)
            return int(self.regressor.entry(self.standardiser(self.extractor.features(blank), "photo")).shape[1])

    @property
    def person_digest(self) -> str:
        """Which model's entries a :class:`aubench.person.Person` holds: hash of extractor, statistics, regressor."""
        total = hashlib.sha256(self.extractor_digest.encode())
        total.update(state_digest(self.learned).encode())
        return total.hexdigest()

    @torch.inference_mode()
    def predict_entries(
        self, images: npt.NDArray[np.uint8] | Tensor, *, domain: Domain = "photo", batch: int = 64
    ) -> tuple[FacialParameters, npt.NDArray[np.float32]]:
        """As :meth:`predict`, and what of each face is compared with its person's neutral: entries (n, d), see
        :class:`aubench.contracts.PersonRegressor`."""
        self.regressor.eval()
        parts, entries = [FacialParameters.base(0)], [np.empty((0, 0), np.float32)]
        for start in range(0, len(images), batch):
            features = self.standardiser(self.extractor.features(self._tensor(images[start : start + batch])), domain)
            parts.append(self.regressor(features).to("cpu"))
            entries.append(self.regressor.entry(features).float().cpu().numpy())
        return FacialParameters.cat(parts), np.concatenate(entries[1:]) if len(entries) > 1 else entries[0]

    def _tensor(self, images: npt.NDArray[np.uint8] | Tensor) -> Tensor:
        return as_image(images).to(self.device)

    # --- on disk ------------------------------------------------------------------------------------------------------

    def save(
        self, folder: Path, name: str = "model", *, half: bool = False, about: Mapping[str, Any] | None = None
    ) -> None:
        """Write ``<name>.safetensors`` and ``<name>.json``. ``half`` stores matrices as float16; ``about`` is kept in
        the JSON (command, seed, quality)."""
        weights.save(self.learned, folder / f"{name}.safetensors", half=half)
        card = {
            "format": FORMAT,
            "aubench": __version__,
            "extractor": {
                "name": self.extractor_choice.name,
                "config": dict(self.extractor_choice.config),
                "digest": self.extractor_digest,
            },
            "regressor": {"name": self.regressor_choice.name, "config": dict(self.regressor_choice.config)},
            "weights_sha256": sha256_file(folder / f"{name}.safetensors"),
            "size": self.size,
            "aus": list(self.aus),
            "about": dict(about or {}),
        }
        if self.renderer_choice is not None:
            card["renderer"] = {"name": self.renderer_choice.name, "config": dict(self.renderer_choice.config)}
        parts = plugin_files.used(
            [("extractor", self.extractor_choice.name), ("regressor", self.regressor_choice.name)]
        )
        if parts:
            card["plugins"] = [record.model_dump() for record in plugin_files.records(parts)]
        atomic_write_text(folder / f"{name}.json", json.dumps(card, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path, name: str = "model", *, device: torch.device | str = "cpu") -> Combination:
        """Read what :meth:`save` wrote. Raises ``UserError`` for files that are missing, damaged, altered since, or of
        another extractor or AU set."""
        path = Path(folder) / f"{name}.json"
        card, file = read_card(path), path.with_suffix(".safetensors")
        require_unaltered(card, file)
        extractor = Choice(card.extractor.name, card.extractor.config)
        regressor = Choice(card.regressor.name, card.regressor.config)
        renderer = Choice(card.renderer.name, card.renderer.config) if card.renderer else None
        if card.aus != cls.aus:
            raise UserError(
                f"{path}: made for the AUs {', '.join(card.aus)}, but this version has {', '.join(cls.aus)}",
                code="model-invalid",
            )
        plugin_files.require(card.plugins, Path(folder))
        try:
            made = cls(extractor, regressor, size=card.size, renderer=renderer)
        except (RuntimeError, MemoryError, OverflowError) as error:  # networks of impossible sizes
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UserError(
                f"{path}: describes a model that cannot be built ({why:.160})", code="model-invalid"
            ) from error
        if made.extractor_digest != card.extractor.digest:
            raise UserError(
                f"{path}: trained with other weights of extractor {extractor.name!r} (hash "
                f"{card.extractor.digest[:12]}, installed are {made.extractor_digest[:12]}); train again, or "
                f"install the version {card.aubench}",
                code="model-invalid",
            )
        weights.load_into(made.learned, file)
        made.regressor.eval()
        return made.to(device)


def load_shipped(device: torch.device | str = "cpu") -> Combination:
    """The combination that comes with the package. Raises ``UserError`` where this build ships none."""
    if not (SHIPPED / "regressor.json").is_file():
        raise UserError(
            f"{SHIPPED}: this build ships no regressor; train one with `aubench train` and use its folder",
            code="weights-missing",
        )
    return Combination.load(SHIPPED, "regressor", device=device)


def as_image(images: npt.NDArray[np.uint8] | Tensor) -> Tensor:
    """Float RGB in [0, 1] (n, 3, h, w), channels last in memory, from uint8 (n, h, w, 3); float tensors pass."""
    if isinstance(images, Tensor) and images.is_floating_point():
        return images
    pixels = images if isinstance(images, Tensor) else torch.from_numpy(np.array(images))  # a copy: memory maps are
    return pixels.permute(0, 3, 1, 2).float().div_(255.0)  # read-only, and torch warns about that


@torch.no_grad()
def feature_shapes(extractor: Extractor, size: int) -> FeatureShapes:
    """What the extractor makes of an image of this side."""
    device = next((p.device for p in extractor.parameters()), None) if isinstance(extractor, nn.Module) else None
    shapes = extractor.features(torch.zeros(1, 3, size, size, device=device)).shapes()
    return replace(shapes, view=getattr(extractor, "view", WHOLE))


def state_digest(module: object) -> str:
    """Hash of a network's weights: names, shapes and values."""
    digest = hashlib.sha256()
    if isinstance(module, nn.Module):
        for name, tensor in sorted(module.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
