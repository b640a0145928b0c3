"""Tensors on disk: safetensors out; safetensors and plain torch checkpoints in, and no pickle that could run code.

What a file *is* decides how it is read, not what it is called: a pickle named ``.safetensors`` is refused. Torch
files are read with ``weights_only`` (tensors and plain containers), old ones and new ones. A network remembers where
its weights came from (:class:`Source`), for licences and reports.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save as _to_safetensors
from torch import Tensor, nn

from aubench.errors import UserError, code_of_errno
from aubench.files import atomic_write_bytes, cache_folder, plain_name
from aubench.shipped import require_unaltered
from aubench.telltales import looks_like as looks_like

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "params")
"""Keys under which training scripts put the tensors beside an epoch number and the like."""
PREFIXES = ("module.", "_orig_mod.")
"""What ``DataParallel`` and ``torch.compile`` put before every name."""

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

CACHED = "cache:"
"""Before the name of weights that ``aubench weights add`` or ``fetch`` put into the cache."""

_FOREIGN = "neither safetensors nor a torch checkpoint"
_HEADS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file that it points to; fetch that"),
    (b"<!doctype", "a web page, not weights; the download needs a browser or another address"),
    (b"<html", "a web page, not weights; the download needs a browser or another address"),
    (b"\x89hdf", "an HDF5 file (of Keras?), which this network has no use for"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
)
"""First bytes, in lower case, of what people take for weights."""
_TORCHSCRIPT = "a TorchScript archive, which is a program; refused: take the checkpoint (a state_dict) instead"


@dataclass(frozen=True)
class Source:
    """Where the weights of a network come from: ``name`` of the file, ``licence`` (empty where nobody recorded one),
    ``origin`` (the address, or the command that made them), ``path`` where the file was read."""

    name: str
    licence: str
    origin: str = ""
    path: str = ""


def sources(network: object) -> list[Source]:
    """Sources of a network and of those inside it, each once."""
    parts = network.modules() if isinstance(network, nn.Module) else [network]
    found = (getattr(part, "weights_source", None) for part in parts)
    return list(dict.fromkeys(source for source in found if isinstance(source, Source)))


def save(
    tensors: Mapping[str, Tensor] | nn.Module,
    path: str | Path,
    metadata: Mapping[str, str] | None = None,
    *,
    half: bool = False,
) -> None:
    """Write a module's state, or named tensors, to a safetensors file, atomically.

    ``half`` stores floating tensors of two dimensions and more as float16. Vectors (biases, batch statistics) stay
    as they are: they weigh nothing, and a running variance can lie outside float16's range.
    """
    state = tensors.state_dict() if isinstance(tensors, nn.Module) else tensors
    out: dict[str, Tensor] = {}
    for name, tensor in state.items():
        shrink = half and tensor.is_floating_point() and tensor.ndim >= 2
        # A copy of its own, so that tied tensors (which safetensors refuses) become two equal ones.
        out[name] = tensor.detach().to("cpu", torch.float16 if shrink else tensor.dtype, copy=True).contiguous()
    atomic_write_bytes(path, _to_safetensors(out, dict(metadata or {})))


def read(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Every tensor of a file by name, on the CPU, and its metadata (torch files have none).

    Raises :class:`UserError` for a missing, truncated or foreign file and for a pickle that holds more than tensors
    and plain containers.
    """
    path = Path(path)
    kind = _sniff(path)
    if kind == "safetensors":
        return _read_safetensors(path)
    if kind == _FOREIGN:
        raise UserError(f"{path}: {kind}", code="format-unknown")
    if path.suffix == ".safetensors":
        raise UserError(f"{path}: named .safetensors, but it is {kind}; refused", code="weights-unsafe")
    return _read_torch(path), {}


def header(path: str | Path) -> dict[str, str]:
    """The metadata of a safetensors file; empty for one without. Raises :class:`UserError` for any other file."""
    path = Path(path)
    if _sniff(path) != "safetensors":
        raise UserError(f"{path}: not a safetensors file", code="format-unknown")
    return _read_safetensors(path, names_only=True)[1]


def load_into(
    module: nn.Module,
    path: str | Path,
    *,
    prefixes: Sequence[str] = PREFIXES,
    ignore: Sequence[str] = (),
) -> dict[str, str]:
    """Copy a file's tensors into a module, all or none, and return the file's metadata.

    ``prefixes`` are stripped where every name carries them; names that start with one of ``ignore`` are passed over in
    the file. A missing ``num_batches_tracked`` (files older than torch 0.4.1) keeps its value. Anything else missing,
    left over, of another shape or not finite is a :class:`UserError` naming the file, the tensor, and the network that
    the file seems to be of. The module remembers its :class:`Source`.
    """
    found, metadata = read(path)
    found = strip_prefixes(found, prefixes)
    expected = module.state_dict()
    hint = _hint(found, expected, metadata)
    for name, own in expected.items():
        tensor = found.get(name)
        if tensor is None:
            if name.endswith("num_batches_tracked"):
                continue
            raise UserError(
                f"{path}: tensor {name!r} is missing; expected shape {_shape(own)}{hint}", code="weights-mismatch"
            )
        if tensor.shape != own.shape:
            raise UserError(
                f"{path}: tensor {name!r}: expected shape {_shape(own)}, found {_shape(tensor)}{hint}",
                code="weights-mismatch",
            )
        if tensor.is_complex() or (tensor.is_floating_point() and tensor.dtype not in _FLOATS):
            raise UserError(
                f"{path}: tensor {name!r} is {tensor.dtype}, which this network cannot use", code="weights-mismatch"
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise UserError(f"{path}: tensor {name!r} contains values that are not finite", code="file-damaged")
    extra = [name for name in found if name not in expected and not name.startswith(tuple(ignore))]
    if extra:
        raise UserError(
            f"{path}: tensor {extra[0]!r} {_shape(found[extra[0]])} does not exist in this network{hint}",
            code="weights-mismatch",
        )
    with torch.no_grad():
        for name, own in expected.items():
            if name in found:
                own.copy_(found[name])
    origin = metadata.get("url") or metadata.get("command", "")
    source = Source(Path(path).name, metadata.get("licence", ""), origin, str(path))
    module.weights_source = source  # type: ignore[assignment]
    return metadata


def resolve(plugin_file: str, weights: str | None, command: str) -> Path | None:
    """The file that a plugin's ``weights`` option means, or ``None`` for random numbers (``None`` or ``"none"``).

    ``"shipped"`` is ``assets/<plugin>.safetensors`` beside ``plugin_file`` (the plugin passes its ``__file__``),
    ``"shipped:<preset>"`` is ``assets/<plugin>-<preset>.safetensors``; where that is absent the :class:`UserError`
    names ``command``, which makes it, and a file that is not the one listed in ``assets/SHA256SUMS``, where that is
    there, is refused. ``"cache:<name>"`` is a file that ``aubench weights`` converted; anything else is
    a path.
    """
    if weights is None or weights == "none":
        return None
    if weights.startswith(CACHED):
        return in_cache(weights.removeprefix(CACHED))
    shipped, _, variant = weights.partition(":")
    if shipped != "shipped":
        return Path(weights).expanduser()
    path = shipped_path(plugin_file, variant)
    if not path.is_file():
        preset = f" --preset {variant} --install" if variant else ""
        raise UserError(
            f"{path}: no weights are shipped; create them with `{command}{preset}`, or give weights: <file>",
            code="weights-missing",
        )
    require_unaltered(path)
    return path


def shipped_path(plugin_file: str, variant: str = "") -> Path:
    """Where the weights of the plugin that owns ``plugin_file`` are shipped; ``variant``: those that are not its
    default."""
    folder = Path(plugin_file).resolve().parent
    return folder / "assets" / f"{'-'.join(filter(None, (folder.name, variant)))}.safetensors"


def cached_path(name: str) -> Path:
    """Where ``aubench weights`` keeps the converted file of that name. Raises :class:`UserError` for a name that is not
    a plain file name, and so would lead elsewhere."""
    if not plain_name(name):
        raise UserError(f"{CACHED}{name:.200}: names of cached weights must be plain file names", code="name-unknown")
    return cache_folder() / "weights" / f"{name}.safetensors"


def in_cache(name: str) -> Path:
    """:func:`cached_path` of a file that is there. Raises :class:`UserError` that says how to get it."""
    path = cached_path(name)
    if not path.is_file():
        raise UserError(
            f"{CACHED}{name}: not in the cache ({path}); `aubench weights fetch {name}` downloads it, "
            f"`aubench weights add {name} FILE` takes a file that you have",
            code="weights-missing",
        )
    return path


def strip_prefixes(tensors: Mapping[str, Tensor], prefixes: Sequence[str] = PREFIXES) -> dict[str, Tensor]:
    """The same tensors without each prefix that every name begins with."""
    out = dict(tensors)
    for prefix in prefixes:
        if out and all(name.startswith(prefix) for name in out):
            out = {name.removeprefix(prefix): tensor for name, tensor in out.items()}
    return out


def form_of(path: str | Path) -> str:
    """The format of a file that :func:`read` takes, in words."""
    kind = _sniff(Path(path))
    return {"safetensors": kind, "a pickle": "torch, legacy format"}.get(kind, "torch, zip format")


def _sniff(path: Path) -> str:
    """What a file is by its first bytes, in words that fit an error message."""
    try:
        with path.open("rb") as file:
            whole = file.read(32)
        head = whole[:9]
    except FileNotFoundError:
        raise UserError(f"{path}: no such weights file", code="weights-missing") from None
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror})", code=code_of_errno(error.errno, "file-unreadable")
        ) from None
    if not head:
        raise UserError(f"{path}: is empty", code="file-empty")
    # safetensors: eight bytes of header length (100 MB at most), then the header, which is a JSON object. Asked first:
    # a length may begin with a pickle's first byte, but no pickle's first eight are so small a number before a "{".
    if head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] <= 100_000_000:
        return "safetensors"
    if head[:4] == b"PK\x03\x04":
        return "a zip file (a torch checkpoint?)"
    for start, words in _HEADS:
        if whole.lower().startswith(start):
            raise UserError(f"{path}: is {words}", code="format-unknown")
    if head[:1] == b"\x80":
        return "a pickle"
    return _FOREIGN


def _read_safetensors(path: Path, names_only: bool = False) -> tuple[dict[str, Tensor], dict[str, str]]:
    with path.open("rb") as file:
        (header,) = struct.unpack("<Q", file.read(8))
    if header + 8 > path.stat().st_size:
        raise UserError(f"{path}: truncated: its header alone needs {header + 8} bytes", code="file-damaged")
    try:
        with safe_open(path, framework="pt") as file:
            names = [] if names_only else file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except Exception as error:  # beside SafetensorError, whatever damaged text in the header leads to
        raise UserError(
            f"{path}: incomplete safetensors file ({error}); download or create it again", code="file-damaged"
        ) from None


def _read_torch(path: Path) -> dict[str, Tensor]:
    if _is_torchscript(path):
        raise UserError(f"{path}: is {_TORCHSCRIPT}", code="weights-unsafe")
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler answers broken bytes with whatever exception they happen to lead to
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        unsafe = "unsupported global" in str(error).lower()  # what torch says of a name that it will not import
        raise UserError(
            f"{path}: refused: not a whole torch checkpoint of tensors and plain containers only ({reason[:160]})",
            code="weights-unsafe" if unsafe else "file-damaged",
        ) from None
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    if not isinstance(content, Mapping) or not content:
        raise UserError(f"{path}: contains no named tensors", code="weights-mismatch")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise UserError(
                f"{path}: entry {name!r:.80} is a {type(value).__name__}, not a tensor", code="weights-mismatch"
            )
        if value.layout != torch.strided or value.is_quantized or value.is_nested or value.device.type != "cpu":
            raise UserError(
                f"{path}: tensor {name!r:.80} is sparse, quantised, nested or without data; save it as a dense one",
                code="weights-mismatch",
            )
    return {name: value.detach() for name, value in content.items()}


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)


def _hint(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """What the file says of the network it was made for, or what it looks like, to mend a mismatch."""
    if config := metadata.get("config"):
        return f" (the file was made with {config})"
    wanted = [name for name in expected if not name.endswith("num_batches_tracked")]
    missing = [name for name in wanted if name not in found]
    other = sum(found[name].shape != expected[name].shape for name in wanted if name in found)
    kind = looks_like(found)
    parts = [f"of {len(wanted)} tensors {len(missing)} are missing and {other} have another shape"]
    parts.append(f"the file looks like {kind}" if kind else "the file is of no network that is known here")
    return f" ({'; '.join(parts)})"


def _is_torchscript(path: Path) -> bool:
    """Whether it is a zip of code; torch would run it."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as file:
            return any("/code/" in name or name.endswith("/constants.pkl") for name in file.namelist())
    except Exception as error:  # zipfile answers a damaged directory with whatever it leads to
        raise UserError(f"{path}: incomplete zip file ({error}); download it again", code="file-damaged") from None
