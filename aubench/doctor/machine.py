"""The machine: versions of packages, devices, the cache and the space that is left."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from aubench import __version__
from aubench.files import cache_folder
from aubench.processes import available_cores, python

from . import Finding

GB = 1e9
LITTLE, TOO_LITTLE = 5 * GB, 0.5 * GB
"""Free bytes under which a run may not find room for its features, and under which hardly anything goes."""
WALK_S = 1.5
"""Seconds that adding up the cache may take."""
TORCH_S = 60.0

_PROBE = """
import json, sys, time
began = time.perf_counter()
import torch
found = {"torch": torch.__version__, "import_s": time.perf_counter() - began, "threads": torch.get_num_threads(),
         "built_for": torch.version.cuda or torch.version.hip or "", "gpus": [], "mps": False, "cpu": "", "bf16": False}
try:
    found["cpu"] = torch.backends.cpu.get_cpu_capability()
    found["bf16"] = bool(torch.cpu._is_avx512_bf16_supported())
except AttributeError:
    pass
try:
    found["mps"] = bool(torch.backends.mps.is_available())
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            of = torch.cuda.get_device_properties(i)
            found["gpus"].append({"name": of.name, "gib": of.total_memory / 2**30,
                                  "bf16": bool(torch.cuda.is_bf16_supported())})
except Exception as error:
    found["trouble"] = f"{type(error).__name__}: {error}"
print("|" + json.dumps(found))
"""


# --- versions ---------------------------------------------------------------------------------------------------------


def versions() -> Iterator[Finding]:
    """Python, aubench, and every package that it asks for, against the version that it asks for."""
    yield Finding("python", f"{platform.python_version()} ({sys.executable})")
    yield Finding("system", platform.platform())
    yield Finding("aubench", f"{__version__} ({_installed_how()})")
    try:
        wanted = importlib.metadata.requires("aubench") or []
    except importlib.metadata.PackageNotFoundError:
        remedy = "pip install aubench, or pip install -e . in the source tree"
        yield Finding("aubench", "runs from a source tree that is not installed, so no plugin is", "error", remedy)
        return
    for text in wanted:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _version(requirement)


def _version(wanted: Requirement) -> Finding:
    remedy = f"pip install '{wanted.name}{wanted.specifier}'"
    try:
        version = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(wanted.name, f"not installed, {wanted.specifier or 'any version'} is needed", "error", remedy)
    if not wanted.specifier.contains(version, prereleases=True):
        return Finding(wanted.name, f"{version}, but {wanted.specifier} is needed", "error", remedy)
    return Finding(wanted.name, version)


def _installed_how() -> str:
    try:
        origin = json.loads(importlib.metadata.distribution("aubench").read_text("direct_url.json") or "{}")
    except (importlib.metadata.PackageNotFoundError, ValueError):
        origin = {}
    folder = Path(__file__).resolve().parents[1]
    return f"editable, {folder.parent}" if origin.get("dir_info", {}).get("editable") else str(folder)


# --- devices ----------------------------------------------------------------------------------------------------------


def ask_torch() -> subprocess.Popen[str] | OSError:
    """Ask torch about the devices in a process of its own, which a broken driver may take down."""
    try:
        return subprocess.Popen(python("-c", _PROBE), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        return error


def devices(asked: subprocess.Popen[str] | OSError) -> Iterator[Finding]:
    """What torch can compute on, and in which formats."""
    reinstall = "reinstall torch, see https://pytorch.org/get-started/locally"
    yield Finding("cpu", f"{_cpu()}, {available_cores()} cores for this process")
    if isinstance(asked, OSError):
        yield Finding("torch", f"could not be asked: {asked.strerror or asked}", "error", reinstall)
        return
    try:
        out, errors = asked.communicate(timeout=TORCH_S)
    except subprocess.TimeoutExpired:
        asked.kill()
        asked.communicate()
        remedy = f"the machine may be busy: try again; else {reinstall}"
        yield Finding("torch", f"did not answer within {TORCH_S:g} s", "warning", remedy)
        return
    answer = out.rpartition("|")[2]
    if asked.returncode != 0 or not answer.strip():
        last = (errors.strip().splitlines() or [f"ended with code {asked.returncode}"])[-1]
        yield Finding("torch", f"cannot be imported: {last[:200]}", "error", reinstall)
        return
    found = json.loads(answer)
    if found["bf16"]:
        yield Finding("cpu formats", f"{found['cpu']}; bf16 in hardware: trains in mixed precision")
    else:
        said = f"{found['cpu'] or 'unknown'}; no bf16 in hardware: trains in fp32"
        yield Finding("cpu formats", said, "note", "a CPU with AVX512-BF16, or a GPU, is about twice as fast or more")
    yield from _threads(found["threads"])
    for gpu in found["gpus"]:
        formats = "bf16" if gpu["bf16"] else "fp16"
        yield Finding("gpu", f"{gpu['name']}, {gpu['gib']:.1f} GiB, {formats}, torch built for {found['built_for']}")
    if found["mps"]:
        yield Finding("gpu", "Apple's (mps), in fp32")
    if not found["gpus"] and not found["mps"]:
        yield _no_gpu(str(found["built_for"]), str(found.get("trouble", "")))
    yield Finding("torch", f"{found['torch']}, imported in {found['import_s']:.1f} s")


def _no_gpu(built_for: str, trouble: str) -> Finding:
    if trouble:
        return Finding("gpu", f"there, but failing: {trouble[:160]}", "error", "check the driver with nvidia-smi")
    if shutil.which("nvidia-smi") is None:
        return Finding("gpu", "none; two CPU cores are enough for the defaults")
    if not built_for:
        remedy = "install a torch for CUDA, see https://pytorch.org/get-started/locally"
        return Finding("gpu", "NVIDIA's driver is here, but this torch is built for the CPU only", "warning", remedy)
    remedy = "run nvidia-smi: the driver may be too old for this torch, or no GPU be lent to this process"
    return Finding("gpu", f"torch, built for CUDA {built_for}, finds none", "warning", remedy)


def _threads(threads: int) -> Iterator[Finding]:
    cores, asked = available_cores(), os.environ.get("OMP_NUM_THREADS")
    if threads < cores and asked:
        value = f"torch uses {threads} of {cores} cores, since OMP_NUM_THREADS={asked}"
        yield Finding("threads", value, "note", "unset OMP_NUM_THREADS to use all")
    elif threads > cores:
        remedy = f"set OMP_NUM_THREADS={cores}"
        yield Finding("threads", f"torch uses {threads} threads on {cores} cores, which is slow", "warning", remedy)
    else:
        yield Finding("threads", f"torch uses {threads}")


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


# --- cache ------------------------------------------------------------------------------------------------------------


def cache() -> Iterator[Finding]:
    """The folder of what can be made or fetched again: where, how large, writable, and with how much room."""
    folder = cache_folder()
    said = "from $AUBENCH_CACHE" if os.environ.get("AUBENCH_CACHE") else "default; $AUBENCH_CACHE names another"
    elsewhere = "name another folder in AUBENCH_CACHE"
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not there.is_dir():
        yield Finding("folder", f"{folder}: {there} is a file, not a folder", "error", elsewhere)
        return
    if there != folder:
        yield Finding("folder", f"{folder} ({said}): not made yet")
    else:
        yield Finding("folder", f"{folder} ({said})")
        size, files, whole = _size(folder)
        yield Finding("size", f"{'' if whole else 'more than '}{size / GB:.2f} GB in {files} files")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        remedy = f"get the right to write there, or {elsewhere}"
        yield Finding("writable", f"no: {there}: {error.strerror or error}", "error", remedy)
    free = shutil.disk_usage(there).free
    if free < LITTLE:
        remedy = f"free some space, or {elsewhere}; whatever lies in the cache can be deleted and made again"
        yield Finding("free", f"{free / GB:.2f} GB", "error" if free < TOO_LITTLE else "warning", remedy)
    else:
        yield Finding("free", f"{free / GB:.0f} GB")


def _size(folder: Path) -> tuple[int, int, bool]:
    """Bytes and files, and whether all could be counted in time."""
    stop, size, files = time.monotonic() + WALK_S, 0, 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(root, name)).st_size
            except OSError:  # gone meanwhile
                continue
            files += 1
        if time.monotonic() > stop:
            return size, files, False
    return size, files, True
