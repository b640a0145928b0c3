"""What belongs to the bench: plugins, weights, settings. Imports no torch."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from aubench import discovery, registry
from aubench.component import KINDS
from aubench.errors import UserError
from aubench.files import cache_folder

from . import Finding

SLOW_S = 1.0
"""A plugin's cards that take longer import something that they should not."""
_HEADER_MOST = 100_000_000
DETECTOR = ("pnet", "rnet", "onet")


# --- plugins ----------------------------------------------------------------------------------------------------------


def plugins() -> Iterator[Finding]:
    """Every entry point with the time that its cards took, and whatever is broken."""
    rows = discovery.listing()
    times = discovery.load_times()
    total = sum(loaded.seconds for loaded in times)
    working = sum(row.status == "ok" for row in rows)
    yield Finding("working", f"{working} plugins of {len(times)} entry points, read in {total:.2f} s")
    for loaded in times:
        value = f"{1000 * loaded.seconds:.0f} ms"
        if loaded.distribution != "aubench":
            value += f" ({loaded.distribution})"
        if loaded.seconds > SLOW_S:
            remedy = "its module of cards imports something heavy; move that import to the module of the factory"
            yield Finding(loaded.entry, value, "warning", remedy)
        else:
            yield Finding(loaded.entry, value)
    for row in rows:
        if row.status == "broken":
            whose = f"{row.distribution} {row.version}".strip()
            remedy = f"correct it, or remove it: pip uninstall {row.distribution}"
            if row.distribution.startswith("$"):
                remedy = f"correct it, or take it out of {row.distribution}"
            elif row.distribution == "aubench":
                remedy = "reinstall aubench: pip install --force-reinstall --no-deps aubench"
            yield Finding(row.name, f"{row.kind} of {whose} is broken: {row.error}", "error", remedy)
    if not working:
        remedy = "reinstall aubench (pip install -e . in a source tree registers its entry points)"
        yield Finding("working", "not one plugin works", "error", remedy)


# --- weights ----------------------------------------------------------------------------------------------------------


def weights() -> Iterator[Finding]:
    """Weights that are shipped, whole and unchanged; those of the registry, there or to be had."""
    shipped = 0
    for path, owner in _shipped():
        shipped += 1
        fault = _fault(path) or _changed(path, owner)
        name = path.stem
        if fault:
            remedy = f"reinstall {owner}: pip install --force-reinstall --no-deps {owner}"
            yield Finding(name, f"{path}: {fault}", "error", remedy)
        else:
            yield Finding(name, f"shipped, {path.stat().st_size / 1e6:.1f} MB, whole")
    if not shipped:
        yield Finding("shipped", "none are here", "error", "reinstall aubench; its wheel brings them")
    yield _detector()
    absent = []
    for name in registry.load().content.weights:
        path = cache_folder() / "weights" / f"{name}.safetensors"
        if not path.is_file():
            absent.append(name)
        elif fault := _fault(path):
            yield Finding(name, f"{path}: {fault}", "error", f"aubench weights fetch {name}")
        else:
            yield Finding(name, f"in the cache, {path.stat().st_size / 1e6:.1f} MB")
    if absent:
        how = "aubench weights list says what they are for, aubench weights fetch NAME gets one"
        yield Finding("not here", f"{', '.join(absent)}: others' weights, all optional", "note", how)


def _shipped() -> Iterator[tuple[Path, str]]:
    """Weight files beside plugins and in the core, with the distribution that brought them."""
    own = Path(__file__).resolve().parents[1] / "assets"
    seen: set[Path] = set()
    folders = [(own, "aubench")]
    for row in discovery.listing():
        kind = next((kind for kind in KINDS if kind == row.kind), None)
        if row.status != "ok" or kind is None:
            continue
        module = discovery.find(kind, row.name).factory.partition(":")[0].rpartition(".")[0]
        spec = importlib.util.find_spec(module) if module else None
        if spec is not None and spec.origin is not None:
            folders.append((Path(spec.origin).resolve().parent / "assets", row.distribution))
    for folder, owner in folders:
        for path in sorted(folder.glob("*.safetensors")):
            if path not in seen:
                seen.add(path)
                yield path, owner


def _fault(path: Path) -> str:
    """What is wrong with the form of a safetensors file, or an empty text: header, and the length that it promises."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
            if head[:7] == b"version":
                return "is a Git LFS pointer, not the weights; run git lfs pull"
            (length,) = struct.unpack("<Q", head)
            if length > min(_HEADER_MOST, size - 8):
                return "is truncated, or no safetensors file"
            tensors = json.loads(file.read(length))
        ends = [entry["data_offsets"][1] for name, entry in tensors.items() if name != "__metadata__"]
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    except (struct.error, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return "is damaged, or no safetensors file"
    wanted = 8 + length + max(ends, default=0)
    return "" if size == wanted else f"is {size} bytes long, but {wanted} are promised"


def _changed(path: Path, owner: str) -> str:
    """Whether an installed file is other than its wheel recorded. Editable installs record nothing of them."""
    try:
        files = importlib.metadata.distribution(owner).files or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    for file in files:
        if file.name == path.name and file.hash is not None and Path(str(file.locate())).resolve() == path:
            digest = hashlib.new(file.hash.mode, path.read_bytes()).digest()
            same = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == file.hash.value
            return "" if same else "is not the file that was installed"
    return ""


def _detector() -> Finding:
    """The face detector's weights come with another package."""
    remedy = "pip install --force-reinstall --no-deps 'mtcnn>=1.0,<2'"
    try:
        distribution = importlib.metadata.distribution("mtcnn")
    except importlib.metadata.PackageNotFoundError:
        return Finding("face detector", "package mtcnn is not installed: predict finds no faces", "error", remedy)
    files = [Path(str(distribution.locate_file(f"mtcnn/assets/weights/{name}.lz4"))) for name in DETECTOR]
    if missing := [file.name for file in files if not file.is_file()]:
        return Finding("face detector", f"{files[0].parent}: holds no {', '.join(missing)}", "error", remedy)
    size = sum(file.stat().st_size for file in files) / 1e6
    return Finding("face detector", f"mtcnn {distribution.version}, {size:.1f} MB")


# --- settings ---------------------------------------------------------------------------------------------------------


def settings() -> Iterator[Finding]:
    """The registry, and what environment variables say."""
    try:
        found = registry.load()
    except UserError as error:
        yield Finding("registry", str(error), "error", "correct that line, or name another file with --registry")
    else:
        if found.path is None:
            yield Finding("registry", "none: no variants and no weights of others are known", "warning",
                          "name one with --registry, or reinstall aubench")  # fmt: skip
        elif faults := found.check():
            yield Finding("registry", f"{found.path}: {faults[0]} ({len(faults)} faults)", "error",
                          "see aubench registry check")  # fmt: skip
        else:
            yield Finding("registry", str(found.path))
    if listed := os.environ.get(discovery.VARIABLE):
        yield Finding(discovery.VARIABLE, listed, "note", "these modules and files are asked for plugins too")
    if "AUBENCH_LABELS_LOCKED" in os.environ:
        remedy = "unset AUBENCH_LABELS_LOCKED; only training sets it, for its own processes"
        yield Finding("AUBENCH_LABELS_LOCKED", "is set, so that no label can be read", "error", remedy)
    if os.environ.get("AUBENCH_DEBUG", "") not in ("", "0"):
        yield Finding("AUBENCH_DEBUG", "is set: errors show their traceback", "note", "unset it for one-line errors")
