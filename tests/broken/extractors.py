"""A sound extractor of one convolution, and many ways to get it wrong."""

from __future__ import annotations

import threading
import time
import warnings
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import ConfigDict, PlainSerializer
from torch import nn

from aubench import hookimpl
from aubench.component import Component, Config
from aubench.contracts import REGIONS, Features
from aubench.frozen import Frozen
from aubench.images import require_image
from broken import cards


class Options(Config):
    width: float = 4.4


class LossyOptions(Config):
    width: Annotated[float, PlainSerializer(round)] = 4.4


class LooseOptions(Options):
    model_config = ConfigDict(extra="ignore")


class Sound(Frozen):
    """one convolution"""

    Options = Options
    breaks = ""
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)

    def __init__(self, config: Options) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, int(config.width), 4, 4)
        self.register_buffer("centre", torch.tensor(self.mean).view(1, 3, 1, 1))
        self.register_buffer("spread", torch.tensor(self.std).view(1, 3, 1, 1))
        self.freeze()

    def features(self, image: torch.Tensor) -> Features:
        return self.spread_out(self.look(self.resize(require_image(image))))

    def resize(self, image: torch.Tensor) -> torch.Tensor:
        return F.adaptive_avg_pool2d(image, 32)

    def look(self, image: torch.Tensor) -> torch.Tensor:
        return self.conv((image - self.centre) / self.spread)

    def spread_out(self, out: torch.Tensor) -> Features:
        return Features(out, {name: out * (1 + i) for i, name in enumerate(REGIONS)})


class Raises(Sound):
    """divides by zero when it is made"""

    breaks = "is built"

    def __init__(self, config: Options) -> None:
        super().__init__(config)
        _ = 1 / 0


class Lossy(Sound):
    """an option that JSON does not keep"""

    breaks = "config survives a round trip"
    Options = LossyOptions


class Loose(Sound):
    """takes any option"""

    breaks = "unknown option is refused"
    Options = LooseOptions


class Noisy(Sound):
    """adds noise at every call"""

    breaks = "two calls agree"

    def look(self, image: torch.Tensor) -> torch.Tensor:
        out = super().look(image)
        return out + 0.1 * torch.randn_like(out)


class Remembers(Sound):
    """keeps a weighing that depends on the first pictures it saw"""

    breaks = "keeps no state"
    weight = None

    def look(self, image: torch.Tensor) -> torch.Tensor:
        out = super().look(image)
        if self.weight is None:
            self.weight = float(out.detach().double().mean())
        return out * (1 + self.weight)


class Unseeded(Sound):
    """random weights that no seed repeats"""

    breaks = "equal seeds agree"

    def __init__(self, config: Options) -> None:
        super().__init__(config)
        self.conv.weight.copy_(torch.from_numpy(np.random.default_rng().normal(size=self.conv.weight.shape)))


class Writes(Sound):
    """clips the picture in place"""

    breaks = "leaves its input alone"

    def resize(self, image: torch.Tensor) -> torch.Tensor:
        if not image.requires_grad:
            image.clamp_(max=0.7)
        return super().resize(image.clamp(max=0.7))


class Unpicklable(Sound):
    """holds a lambda"""

    breaks = "reaches worker processes"

    def __init__(self, config: Options) -> None:
        super().__init__(config)
        self.twice = lambda x: 2 * x


class NotANumber(Sound):
    """a NaN in one cell"""

    breaks = "answers are finite"

    def spread_out(self, out: torch.Tensor) -> Features:
        hole = torch.zeros(out.shape[1:], dtype=torch.bool, device=out.device)
        hole[0, 0, 0] = True
        return super().spread_out(out.masked_fill(hole, torch.nan))


class Neighbours(Sound):
    """takes the mean over the batch away"""

    breaks = "batch size changes nothing"

    def look(self, image: torch.Tensor) -> torch.Tensor:
        out = super().look(image)
        return out - 0.2 * out.mean(0, keepdim=True)


class LeftBehind(Sound):
    """a tensor that is no buffer"""

    breaks = "moves to another device"

    def __init__(self, config: Options) -> None:
        super().__init__(config)
        self.scale = torch.full((1, 3, 1, 1), 1.0)

    def resize(self, image: torch.Tensor) -> torch.Tensor:
        return super().resize(image) * self.scale


class ComesBack(Sound):
    """answers on the CPU, wherever it is"""

    breaks = "moves to another device"

    def spread_out(self, out: torch.Tensor) -> Features:
        return super().spread_out(out).each(lambda t: t.to("cpu"))


class OnlyFloat32(Sound):
    """turns every picture into float32"""

    breaks = "moves to another dtype"

    def look(self, image: torch.Tensor) -> torch.Tensor:
        return self.conv(((image - self.centre) / self.spread).float())


class NoAutocast(Sound):
    """adds what must have one type"""

    breaks = "works under autocast"

    def look(self, image: torch.Tensor) -> torch.Tensor:
        out = super().look(image)
        place = torch.arange(len(out), device=out.device)
        return image.new_zeros(out.shape).index_add(0, place, out)


class OtherwiseCompiled(Sound):
    """is something else when compiled"""

    breaks = "works compiled"

    def look(self, image: torch.Tensor) -> torch.Tensor:
        return super().look(image) * (2 if torch.compiler.is_compiling() else 1)


class Thawed(Sound):
    """weights that ask for gradients"""

    breaks = "is frozen"

    def __init__(self, config: Options) -> None:
        super().__init__(config)
        self.requires_grad_(True)


class InTraining(Sound):
    """in training mode"""

    breaks = "is frozen"

    def __init__(self, config: Options) -> None:
        super().__init__(config)
        self.training = True


class Counts(Sound):
    """counts pictures in a buffer"""

    breaks = "weights stay"

    def __init__(self, config: Options) -> None:
        super().__init__(config)
        self.register_buffer("seen", torch.zeros(()))

    def resize(self, image: torch.Tensor) -> torch.Tensor:
        self.seen += len(image)
        return super().resize(image)


class Detached(Sound):
    """the mouth passes no gradient on"""

    breaks = "gradients reach the input"

    def spread_out(self, out: torch.Tensor) -> Features:
        made = super().spread_out(out)
        return Features(made.fused, {**made.maps, "mouth": made.maps["mouth"].detach()})


class AnySide(Sound):
    """does not resize"""

    breaks = "takes pictures of any side"

    def resize(self, image: torch.Tensor) -> torch.Tensor:
        return image


class Normalised(Sound):
    """features normalised over each picture"""

    breaks = "sees brightness"

    def look(self, image: torch.Tensor) -> torch.Tensor:
        return F.instance_norm(super().look(image), eps=1e-12)


class Divided(Sound):
    """divides what is in [0, 1] by 255"""

    breaks = "enters in its range"
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    def look(self, image: torch.Tensor) -> torch.Tensor:
        return self.conv(image / 255)


class OtherStd(Sound):
    """divides by something else than it says"""

    breaks = "enters in its range"

    def look(self, image: torch.Tensor) -> torch.Tensor:
        return self.conv((image - self.centre) / self.spread.flip(1))


class Bgr(Sound):
    """turns RGB into BGR"""

    breaks = "reads colours in order"
    std = (0.2, 0.2, 0.2)

    def look(self, image: torch.Tensor) -> torch.Tensor:
        return super().look(image.flip(1))


class OneChannel(Sound):
    """takes grey pictures in silence"""

    breaks = "wrong channels are refused"

    def features(self, image: torch.Tensor) -> Features:
        return super().features(image.expand(-1, 3, -1, -1) if image.shape[-3] == 1 else image)


class Grumbles(Sound):
    """refuses wrong channels deep inside"""

    breaks = "wrong channels are refused"
    std = (1.0, 1.0, 1.0)

    def features(self, image: torch.Tensor) -> Features:
        if not image.is_floating_point():
            raise TypeError("expected a float image")
        return self.spread_out(self.conv(self.resize(image)))


class Bytes(Sound):
    """takes 0..255 in silence"""

    breaks = "wrong dtype is refused"

    def features(self, image: torch.Tensor) -> Features:
        return super().features(image if image.is_floating_point() else image.float())


class NoBrows(Sound):
    """a map is missing"""

    breaks = "features have their shapes"

    def spread_out(self, out: torch.Tensor) -> Features:
        made = super().spread_out(out)
        return Features(made.fused, {name: map for name, map in made.maps.items() if name != "brows"})


class InsideOut(Sound):
    """a view whose bottom is above its top"""

    breaks = "view lies on the crop"
    view = (0.8, 0.2, 0.0, 1.0)


class ParsesSmall(Sound):
    """parses at its own size"""

    breaks = "parses at the size of the image"

    def parse(self, image: torch.Tensor) -> torch.Tensor:
        return image.new_zeros(len(image), 19, 32, 32)


class FixedPoints(Sound):
    """landmarks in pixels of its own input"""

    breaks = "landmarks follow the image"

    def heatmaps(self, features: Features) -> torch.Tensor:
        return features.fused.new_zeros(len(features), 68, 8, 8)

    def landmarks(self, image: torch.Tensor) -> torch.Tensor:
        return torch.arange(136.0).view(1, 68, 2).expand(len(image), -1, -1)


class Doubles(Sound):
    """features in float64"""

    breaks = "answers have the dtype of the input"

    def spread_out(self, out: torch.Tensor) -> Features:
        return super().spread_out(out if out.dtype == torch.bfloat16 else out.double())


class Multiplied(Sound):
    """multiplies what is in [0, 1] by 255"""

    breaks = "enters in its range"
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    def look(self, image: torch.Tensor) -> torch.Tensor:
        return self.conv(image * 255)


class Caffe(Sound):
    """was trained on 0..255, and says so"""

    mean, std = (0.4, 0.5, 0.45), (1 / 255, 1 / 255, 1 / 255)


class Reuses(Sound):
    """writes every answer into the same memory"""

    breaks = "answers are the callers own"

    def spread_out(self, out: torch.Tensor) -> Features:
        made = super().spread_out(out)
        if torch.compiler.is_compiling() or out.requires_grad or out.device.type != "cpu":
            return made
        return Features(self.again(made.fused), made.maps)

    def again(self, tensor: torch.Tensor) -> torch.Tensor:
        if threading.current_thread() is not threading.main_thread() or len(tensor) != 3:
            return tensor
        if not hasattr(self, "kept") or self.kept.dtype != tensor.dtype:
            self.kept = torch.empty_like(tensor)
        return self.kept.copy_(tensor)


class Expanded(Sound):
    """the mouth is an expanded view"""

    breaks = "answers are the callers own"

    def spread_out(self, out: torch.Tensor) -> Features:
        made = super().spread_out(out)
        mouth = made.maps["mouth"].mean((2, 3), keepdim=True).expand(-1, -1, 4, 4)
        return Features(made.fused, {**made.maps, "mouth": mouth})


class InputItself(Sound):
    """hands its input on as f_gb where it has the right size"""

    breaks = "answers are the callers own"

    def features(self, image: torch.Tensor) -> Features:
        made = super().features(image)
        return Features(image if image.shape[-1] == 96 else F.interpolate(image, size=96), made.maps)


class Inference(Sound):
    """leaves gradients switched off"""

    breaks = "leaves the process as it was"

    def spread_out(self, out: torch.Tensor) -> Features:
        made = super().spread_out(out)
        if not (torch.compiler.is_compiling() or out.requires_grad):
            torch.set_grad_enabled(False)
        return made


class Tunes(Sound):
    """has cuDNN tuned for everybody"""

    breaks = "leaves the process as it was"

    def __init__(self, config: Options) -> None:
        super().__init__(config)
        torch.backends.cudnn.benchmark = True


class OneThread(Sound):
    """takes one thread for itself and all others"""

    breaks = "leaves the process as it was"

    def __init__(self, config: Options) -> None:
        super().__init__(config)
        torch.set_num_threads(torch.get_num_threads() + 1)


class Seeds(Sound):
    """sets torch's seed at every call"""

    breaks = "leaves the process as it was"

    def resize(self, image: torch.Tensor) -> torch.Tensor:
        if not torch.compiler.is_compiling():
            torch.manual_seed(0)
        return super().resize(image)


class Litters(Sound):
    """writes a file where it stands"""

    breaks = "leaves the process as it was"

    def resize(self, image: torch.Tensor) -> torch.Tensor:
        if not torch.compiler.is_compiling():
            (Path.cwd() / "littered.txt").write_text("pictures were seen")
        return super().resize(image)


class Prints(Sound):
    """prints at every call"""

    breaks = "is silent"

    def resize(self, image: torch.Tensor) -> torch.Tensor:
        if not torch.compiler.is_compiling():
            print("resizing")
        return super().resize(image)


class Warns(Sound):
    """warns at every call"""

    breaks = "is silent"

    def resize(self, image: torch.Tensor) -> torch.Tensor:
        if not torch.compiler.is_compiling():
            warnings.warn("resizing loses detail", stacklevel=1)
        return super().resize(image)


class ListOptions(Options):
    layers: list[int] = [1, 2]  # noqa: RUF012 - pydantic copies it


class Consumes(Sound):
    """takes its options out of their list"""

    breaks = "leaves its options alone"
    Options = ListOptions

    def __init__(self, config: ListOptions) -> None:
        super().__init__(config)
        config.layers.clear()


class NeedsSomebody(Sound):
    """cannot tell the mean of nobody"""

    breaks = "takes no faces at all"

    def resize(self, image: torch.Tensor) -> torch.Tensor:
        if not len(image):
            raise IndexError("no picture 0")
        return super().resize(image)


class OneAtATime(Sound):
    """keeps what it works on in an attribute"""

    breaks = "threads do not meet"

    def look(self, image: torch.Tensor) -> torch.Tensor:
        if threading.current_thread() is threading.main_thread():
            return super().look(image)
        self.current = image
        time.sleep(0.05)
        return super().look(self.current)


class Drops(Sound):
    """drops features at random in training"""

    breaks = "stays frozen in training"

    def train(self, mode: bool = True) -> Drops:
        self.training = mode
        return self

    def look(self, image: torch.Tensor) -> torch.Tensor:
        return F.dropout(super().look(image), 0.5, self.training)


@hookimpl
def aubench_extractors() -> list[Component]:
    return cards("extractor", Sound)
