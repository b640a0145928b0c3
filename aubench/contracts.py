"""What each kind of plugin promises, in shapes.

``b`` faces, ``h w`` pixels, ``c`` channels, ``a`` AUs. Images are float32 RGB in [0, 1], (b, 3, h, w); pixel
(0, 0) is the centre of the top-left pixel. Intensities are 0..5 with NaN for "not annotated". Facial parameters are
in [0, 1]. Every image that travels between plugins is an *aligned crop*: five points (eye centres, nose
tip, mouth corners) brought to :data:`TEMPLATE` by a similarity transform.

Of every plugin, whatever its kind: the module of cards imports nothing heavy; options survive JSON, and an unknown one
is refused; the same input gives the same answer, at any time and after any other input, and is not written to; what
is random comes from a seed; what a factory made can be pickled before its first use, and card and object answer in a
worker process (spawn) as they do here. An answer belongs to the caller, who may keep it and write to it: it shares no
memory with the input, with weights or with another answer. Options are not written to. The process stays as it was: no
global seed, gradient mode, default dtype, number of threads or other setting changes, nothing is printed on stdout at
every call, and nothing is written into the working directory.

Networks besides: a face's answer does not depend on the others in its batch, a batch of 0 faces is answered by 0 rows,
and float32 by float32; they follow ``.to()`` to another device or floating type, run under autocast with their weights
in bfloat16, and under ``torch.compile``; several threads may call one at once; frozen ones answer the same after
``.train()``. :mod:`aubench.testing` holds a check for each of these promises and of those below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from aubench.parameters import FacialParameters

TEMPLATE: tuple[tuple[float, float], ...] = (
    (0.340, 0.370),
    (0.660, 0.370),
    (0.500, 0.567),
    (0.374, 0.730),
    (0.626, 0.730),
)
"""Where the five points lie in an aligned crop, as fractions of its side: the eye centre on the picture's left, the one
on its right, nose tip, mouth corner on the picture's left, the one on its right."""

View = tuple[float, float, float, float]
"""Top, bottom, left and right of a part of the aligned crop, as fractions of its side."""
WHOLE: View = (0.0, 1.0, 0.0, 1.0)

REGIONS = ("eyes", "brows", "nose", "mouth", "face")
PARSING_CLASSES = (
    "background", "skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear", "ear_r",
    "nose", "mouth", "u_lip", "l_lip", "neck", "neck_l", "cloth", "hair", "hat",
)  # fmt: skip
Style = Literal["game", "photo"]
Split = Literal["train", "test"]

NUISANCE_NAMES = (
    "gaze_x", "gaze_y", "roll", "shift_x", "shift_y", "scale", "cheek_puff", "jaw_forward", "asymmetry",
)  # fmt: skip
"""Movements that no AU label describes, each in [-1, 1] with 0 for none: gaze, in-plane rotation, shift and
scale left over by an imperfect alignment, puffed cheeks, jaw thrust, and a left-right difference in the strength
of all AUs."""


@dataclass(frozen=True)
class Drawn:
    """What a renderer draws. ``image`` (b, 3, h, w); ``parsing`` (b, h, w) int64, indices into
    :data:`PARSING_CLASSES`; ``landmarks`` (b, 68, 2) pixels, x then y, iBUG order; ``depth`` (b, h, w), larger is
    farther, infinite where nothing was drawn."""

    image: Tensor
    parsing: Tensor | None = None
    landmarks: Tensor | None = None
    depth: Tensor | None = None


@runtime_checkable
class Renderer(Protocol):
    """``factory(config)``. Draws aligned crops of side ``size``; pose, AUs, identity and brow style all show. One that
    is ``differentiable`` is a frozen ``nn.Module`` whose images pass gradients on to all parameters."""

    size: int
    differentiable: bool

    def draw(self, parameters: FacialParameters) -> Drawn: ...


@runtime_checkable
class Engine(Renderer, Protocol):
    """A renderer with looks: a face model that a neural renderer imitates and benchmarks are drawn with.

    ``looks`` seeds what belongs to a person and a camera (skin, hair, glasses, lights, lens, background); ``shots``
    seeds what differs from frame to frame (noise, compression, alignment error); ``nuisance`` is (b, 9), see
    :data:`NUISANCE_NAMES`. Equal arguments give equal pixels, whatever else is in the batch. The base face lies on
    :data:`TEMPLATE`, its landmarks inside the picture and in iBUG's order, left and right as in the picture.

    Faces are kept under a key that must change when the pixels do (:func:`aubench.engine_digest.engine_digest`). It
    covers, besides the options, all files of the engine's package, the modules of aubench that these import (drawing,
    alignment), and the content of the assets on its card. A constant ``DIGEST`` (a text) in the module of the factory
    stands for the code instead. An engine that knows better may have an attribute or property ``digest`` (a text),
    which stands for everything: it must change with code and with the content of what the engine reads.
    """

    def draw(
        self,
        parameters: FacialParameters,
        *,
        style: Style = "game",
        looks: Sequence[int] | None = None,
        shots: Sequence[int] | None = None,
        nuisance: npt.NDArray[np.float32] | None = None,
    ) -> Drawn: ...

    def sample(self, count: int, seed: int) -> FacialParameters:
        """Parameters of ``count`` random faces, drawn for imitation: poses, AUs, identities and brow styles. The same
        for the same seed."""
        ...


@dataclass(frozen=True)
class Features:
    """What an extractor reads off ``b`` images: ``fused`` is f_gb (b, c, h', w'), ``maps`` the attended local maps T,
    one for each name of :data:`REGIONS`, each with its own (c, h, w)."""

    fused: Tensor
    maps: Mapping[str, Tensor]

    def each(self, function: Callable[[Tensor], Tensor]) -> Features:
        """The same function on every tensor."""
        return Features(function(self.fused), {name: function(m) for name, m in self.maps.items()})

    @staticmethod
    def cat(parts: Sequence[Features]) -> Features:
        """Join the features of several batches of images."""
        import torch

        maps = {name: torch.cat([part.maps[name] for part in parts]) for name in parts[0].maps}
        return Features(torch.cat([part.fused for part in parts]), maps)

    def shapes(self) -> FeatureShapes:
        return FeatureShapes(_chw(self.fused), {name: _chw(m) for name, m in self.maps.items()})

    def __len__(self) -> int:
        return int(self.fused.shape[0])

    def __getitem__(self, index: slice | Tensor) -> Features:
        return self.each(lambda tensor: tensor[index])


@dataclass(frozen=True)
class FeatureShapes:
    """(c, h, w) of every tensor of :class:`Features`, and the part of the aligned crop that they cover."""

    fused: tuple[int, int, int]
    maps: Mapping[str, tuple[int, int, int]]
    view: View = WHOLE


def _chw(tensor: Tensor) -> tuple[int, int, int]:
    c, h, w = tensor.shape[1:]
    return int(c), int(h), int(w)


@runtime_checkable
class Extractor(Protocol):
    """``factory(config)`` → a frozen ``nn.Module``. Owns its input size, colour order and normalisation: images of any
    side give features of the same shapes. Gradients flow from all of them to the image. One whose maps cover a part of
    the aligned crop only says so in an attribute ``view`` (:data:`View`); one whose network was trained on BGR or grey
    pictures and turns ours into such, in an attribute ``colours`` ("BGR" or "grey"). One that hands other numbers than
    about -3..3 to its first layer says so in attributes ``mean`` and ``std`` of what it makes,
    ``(image - mean) / std``. Anything but float RGB is refused in one line (:func:`aubench.images.require_image`).
    """

    def features(self, image: Tensor) -> Features: ...


@runtime_checkable
class Parser(Protocol):
    """An extractor that can also parse: logits (b, 19, h, w) at the size of the image."""

    def parse(self, image: Tensor) -> Tensor: ...


@runtime_checkable
class Regressor(Protocol):
    """``factory(config, shapes=FeatureShapes)`` → an ``nn.Module``; the only one that trains in the main job.

    Answers lie in [0, 1] whatever the features hold, brow styles sum to 1; gradients reach all weights that learn, and
    the features; ``state_dict`` holds all that it knows."""

    def __call__(self, features: Features) -> FacialParameters: ...


@runtime_checkable
class PersonRegressor(Protocol):
    """What a :class:`Regressor` has beside its call if it can read AUs against a person's own neutral face.

    ``entry`` is affine in the features, so that the entry of a person's neutral is the mean of the entries of calm
    frames. ``reads_persons`` is False where a configuration has switched this off."""

    @property
    def reads_persons(self) -> bool: ...

    def entry(self, features: Features) -> Tensor:
        """Entries (b, d) of standardised features."""
        ...

    def aus(self, entry: Tensor, neutral: Tensor) -> Tensor:
        """AUs (b, 23) in [0, 1] of faces, beside the neutral (d,) or (b, d) of the person that each shows."""
        ...


def reads_persons(regressor: object) -> bool:
    """Whether a regressor can read AUs against a person's own neutral face."""
    return isinstance(regressor, PersonRegressor) and regressor.reads_persons


@runtime_checkable
class Recogniser(Protocol):
    """``factory(config)`` → a frozen ``nn.Module``; embeddings (b, d), none of them zero, to be compared by cosine;
    gradients flow. It reads images as an :class:`Extractor` does."""

    def embed(self, image: Tensor) -> Tensor: ...


@runtime_checkable
class Loss(Protocol):
    """``factory(config)``. A callable whose keyword-only parameters, by name, are the quantities it needs (see
    :mod:`aubench.quantities`) and reads; returns a scalar with finite gradients.

    It is 0 where every face is the base face and is drawn, read back and recognised without error, and above 0 for
    random answers; one that has no such zero says why in an attribute ``no_zero`` (a text)."""

    def __call__(self, **quantities: object) -> Tensor: ...


@dataclass(frozen=True)
class Frames:
    """Aligned frames of one data set and split, without labels: there is no field that could hold one.

    ``images`` is uint8 RGB (n, h, w, 3): memory-mapped, or decoded when read
    (:class:`aubench.data.crops.CropStack`: a single index gives a picture, a slice or rows give the like again, and
    ``np.asarray`` gives the array). ``subject`` and ``sequence`` are strings (n,); ``frame`` ints (n,), 0-based.
    """

    dataset: str
    images: npt.NDArray[np.uint8]
    subject: npt.NDArray[np.str_]
    sequence: npt.NDArray[np.str_]
    frame: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frame)


@runtime_checkable
class Dataset(Protocol):
    """``factory(config)``. Frames of subjects, split by subject. Labels come through
    :func:`aubench.data.labels.open_labels` only, which a locked door (unsupervised training) refuses; behind it,
    ``frames`` and ``digest`` work and ``read_labels`` raises ``LabelsLocked``, as
    :func:`aubench.data.labels.load_labels` does. ``aus`` is empty for data without intensities."""

    name: str
    aus: tuple[str, ...]
    digest: str
    """Hash of the content: frames, labels, split."""

    def frames(self, split: Split) -> Frames: ...

    def read_labels(self, split: Split) -> npt.NDArray[np.float64]:
        """Intensities (n, a) in the order of ``frames(split)`` and ``aus``. Call ``open_labels`` instead."""
        ...


@runtime_checkable
class Estimator(Protocol):
    """``factory(config)``. Baselines and published systems: ``fit`` on frames (and, where ``supervised`` says so, on
    labels), ``predict`` AU intensities (n, a) in 0..5, NaN where it has no opinion; a frame without any is missing.

    A supervised one asks for labels that are missing with a ``UserError``; to another, labels make no difference. What
    was learnt before is gone with the next ``fit``.

    It may have ``notes``, sentences on its last prediction for the reader of a table, and a method ``weights()`` that
    goes through all arrays and tensors which a prediction needs, from which its size is told."""

    supervised: bool
    aus: tuple[str, ...]

    def fit(self, frames: Frames, labels: npt.NDArray[np.float64] | None, *, seed: int) -> None: ...

    def predict(self, frames: Frames) -> npt.NDArray[np.float64]: ...
