"""What the lock in front of labels refuses: which events of the interpreter would reach a file of labels.

Python tells audit hooks of what it is about to do (PEP 578). :func:`reaches_labels` judges one such event. It stops
accidents, not intent: libraries that open files in their own C code (``torch.from_file``, PyAV), handles and memory
maps from before the lock, ``os.sendfile``, a path below an open folder (``dir_fd``), and a process that was started
before and hands the bytes over are all beyond it, as is code that changes this module.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any

SUFFIX = ".aulabels.npy"
"""How the name of a label file ends in a store."""
_C_FUNCTIONS = frozenset(
    {"open", "open64", "openat", "openat64", "fopen", "fopen64", "freopen", "freopen64", "system", "popen", "link",
     "linkat", "symlink", "symlinkat", "rename", "renameat", "renameat2", "execv", "execve", "execvp", "posix_spawn",
     "posix_spawnp", "syscall"}
)  # fmt: skip
"""Functions of the C library that reach files by name; nothing here looks them up through ctypes for another end."""


def reaches_labels(event: str, arguments: tuple[Any, ...], folders: Collection[str], variable: str) -> str:
    """What of an audit event reaches labels, in words; empty where nothing does.

    Args:
        event: Its name, as ``"open"``.
        arguments: What Python tells with it.
        folders: What is protected: real paths, those of folders with a separator at the end.
        variable: The environment variable by which child processes learn of the lock.
    """
    judge = _JUDGES.get(event)
    return judge(arguments, folders, variable) if judge is not None else ""


def is_label(path: Any, folders: Collection[str], base: str = "") -> bool:
    """Whether a path, relative to ``base``, leads to a label file: by its name, through links, or as a second name
    (hard link) of one that lies in ``folders``."""
    try:
        name = os.path.join(base, os.fsdecode(path))
        real = os.path.realpath(name)
        if name.endswith(SUFFIX) or real.endswith(SUFFIX) or real.startswith(tuple(folders)):
            return True
        if not folders:
            return False
        status = os.stat(real)
        return status.st_nlink > 1 and (status.st_dev, status.st_ino) in _files_in(frozenset(folders))
    except (OSError, ValueError, TypeError):
        return False


@lru_cache(maxsize=8)
def _files_in(folders: frozenset[str]) -> frozenset[tuple[int, int]]:
    """Device and number of every protected file that has a second name somewhere."""
    paths = [os.path.join(top, name) for folder in folders for top, _, names in os.walk(folder) for name in names]
    paths += [path for path in folders if not path.endswith(os.sep)]
    found = set()
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            continue
        if status.st_nlink > 1:
            found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def _opened(arguments: tuple[Any, ...], folders: Collection[str], variable: str) -> str:
    path, mode, flags = arguments
    if isinstance(path, int) or path is None or not _reads(mode, flags):
        return ""
    return os.fsdecode(path) if is_label(path, folders) else ""


def _reads(mode: str | None, flags: int | None) -> bool:
    """Whether a file opened so can be read: a store may still be *built* under a locked door."""
    if mode is not None:
        return "r" in mode or "+" in mode
    return flags is None or (flags & (os.O_WRONLY | os.O_RDWR)) != os.O_WRONLY


def _moved(arguments: tuple[Any, ...], folders: Collection[str], variable: str) -> str:
    """Another name for a file, or for a folder on the way to one. A new name that is as protected is fine: so stores
    are built."""
    source, target, *handles = arguments
    base = _folder_of(handles[0] if handles else -1)
    try:
        inside = os.path.join(os.path.realpath(os.path.join(base, os.fsdecode(source))), "")
    except (OSError, ValueError, TypeError):
        return ""
    if any(folder.startswith(inside) for folder in folders):
        return os.fsdecode(source)
    kept = is_label(target, folders, _folder_of(handles[1] if len(handles) > 1 else -1))
    return os.fsdecode(source) if is_label(source, folders, base) and not kept else ""


def _linked(arguments: tuple[Any, ...], folders: Collection[str], variable: str) -> str:
    source, target, *handles = arguments
    base = os.path.join(_folder_of(handles[0] if handles else -1), os.path.dirname(os.fsdecode(target)))
    for place in (base, _folder_of(handles[0] if handles else -1)):  # symbolic links count from where they lie
        real = os.path.join(os.path.realpath(os.path.join(place, os.fsdecode(source))), "")
        if is_label(source, folders, place) or real in folders:
            return os.fsdecode(source)
    return ""


def _copied(arguments: tuple[Any, ...], folders: Collection[str], variable: str) -> str:
    source = arguments[0]
    return os.fsdecode(source) if not isinstance(source, int) and is_label(source, folders) else ""


def _mapped(arguments: tuple[Any, ...], folders: Collection[str], variable: str) -> str:
    handle = arguments[0]
    place = f"/proc/self/fd/{handle}"
    return place if isinstance(handle, int) and handle >= 0 and is_label(place, folders) else ""


def _looked_up(arguments: tuple[Any, ...], folders: Collection[str], variable: str) -> str:
    name = arguments[1]
    return f"the C function {name}" if isinstance(name, str) and name in _C_FUNCTIONS else ""


def _shell(arguments: tuple[Any, ...], folders: Collection[str], variable: str) -> str:
    return _started((arguments[0],), None, None, folders, variable)


def _popen(arguments: tuple[Any, ...], folders: Collection[str], variable: str) -> str:
    executable, words, folder, environment = arguments
    listed = [words] if isinstance(words, str | bytes | os.PathLike) else list(words)
    return _started([executable, *listed], folder, environment, folders, variable)


def _executed(arguments: tuple[Any, ...], folders: Collection[str], variable: str) -> str:
    path, words, environment = arguments[-3:]
    return _started([path, *words], None, environment, folders, variable)


def _started(words: Iterable[Any], folder: Any, environment: Any, folders: Collection[str], variable: str) -> str:
    """A program whose command line names labels, or that would not know of the lock."""
    known = os.environ if environment is None else environment
    if variable not in {os.fsdecode(name) for name in known}:
        return f"a program that is started without {variable}"
    base = os.fsdecode(folder) if folder is not None else ""
    for word in words:
        try:
            text = os.fsdecode(word)
        except TypeError:
            continue
        if SUFFIX in text or any(each.rstrip(os.sep) in text for each in folders) or is_label(text, folders, base):
            return text[:200]
    return ""


def _folder_of(handle: Any) -> str:
    """The folder of a handle (``dir_fd``), where the system tells; else the working directory."""
    return f"/proc/self/fd/{handle}" if isinstance(handle, int) and handle >= 0 else ""


_Judge = Callable[[tuple[Any, ...], Collection[str], str], str]
_JUDGES: dict[str, _Judge] = {
    "open": _opened,
    "os.rename": _moved,
    "os.link": _linked,
    "os.symlink": _linked,
    "os.system": _shell,
    "os.exec": _executed,
    "os.posix_spawn": _executed,
    "os.spawn": _executed,
    "subprocess.Popen": _popen,
    "shutil.copyfile": _copied,
    "shutil.copytree": _copied,
    "shutil.move": _copied,
    "mmap.__new__": _mapped,
    "ctypes.dlsym": _looked_up,
}
