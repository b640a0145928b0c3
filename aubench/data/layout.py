"""Finding one's way in folders that other people laid out: spellings, litter, numbered files, torn text lines.

Nothing here raises over a bad line. A parser returns what it could read and a list of faults, ``(line, text)`` with the
line counted from 1 (``None`` for the file as a whole), so that a check can tell everything at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aubench.errors import UserError

Fault = tuple[int | None, str]
"""What is wrong, and in which line."""

VIDEO_SUFFIXES = frozenset({".avi", ".mp4", ".m4v", ".mov", ".mkv", ".wmv", ".mpg", ".mpeg", ".webm"})
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
LARGEST_FRAME = 10_000_000
"""Largest frame number that a label file may name: 46 hours at 60 frames a second. A number beyond it is a
fault of its line, as what is made of labels grows with the largest."""
_LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir", "lost+found"})
_PARTIAL = (".part", ".crdownload", ".download", ".filepart", ".tmp", ".aria2")


def litter(name: str) -> bool:
    """Whether a name is left over by an operating system: hidden files, Mac resource forks, thumbnails."""
    return name.startswith(".") or name.lower() in _LITTER


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, litter left out, frame2 before frame10. An unreadable or missing folder is empty."""
    return _listed(folder, lambda entry: True)


def _listed(folder: Path, wanted: Callable[[os.DirEntry[str]], bool]) -> list[Path]:
    # scandir knows files from folders without asking for each: data sets have hundreds of thousands of files.
    try:
        with os.scandir(folder) as found:
            names = [entry.name for entry in found if not litter(entry.name) and wanted(entry)]
    except OSError:
        return []
    return sorted((folder / name for name in names), key=natural)


def natural(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sorting key by which ``frame2`` comes before ``frame10``; the case of letters does not count."""
    parts = re.split(r"(\d+)", path.name.lower())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)


def folders(folder: Path) -> list[Path]:
    """The folders in a folder."""
    return _listed(folder, lambda entry: entry.is_dir())


def files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """The files in a folder whose suffix, in lower case, is one of ``suffixes``."""
    return _listed(folder, lambda entry: os.path.splitext(entry.name)[1].lower() in suffixes and entry.is_file())


def squeeze(name: str) -> str:
    """A name as it is compared: small letters and digits only, so that ``AU_INT``, ``au-int`` and ``AUInt`` agree."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def child(folder: Path, names: Iterable[str]) -> Path | None:
    """The folder inside ``folder`` that bears one of these names, the first name first, whatever case, blanks or
    underscores it is spelt with."""
    inside = folders(folder)
    for name in names:
        for path in inside:
            if squeeze(path.name) == squeeze(name):
                return path
    return None


def within(root: Path, names: Iterable[str], depth: int = 2) -> Path | None:
    """The folder called so (see :func:`child`) in ``root``, or in a folder of it, down to ``depth`` levels: archives
    are often unpacked into a folder of their own."""
    names = tuple(names)
    level = [root]
    for _ in range(depth + 1):
        for folder in level:
            found = child(folder, names)
            if found is not None:
                return found
        level = [path for folder in level for path in folders(folder)]
    return None


def unnest(folder: Path, names: Iterable[str]) -> Path:
    """``folder``, or the last of the folders of the same name that hold nothing but one another
    (``FACS/FACS/S005`` is ``FACS/S005``)."""
    names = tuple(names)
    while True:
        inside = folders(folder)
        if len(inside) != 1 or squeeze(inside[0].name) not in {squeeze(name) for name in names}:
            return folder
        folder = inside[0]


def packed(folder: Path, depth: int = 1) -> list[Path]:
    """Archives that still wait to be unpacked, and downloads that broke off."""
    found = []
    for path in entries(folder):
        if path.is_dir():
            found += packed(path, depth - 1) if depth else []
        elif path.suffix.lower() in {".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", *_PARTIAL}:
            found.append(path)
    return found


def wrong_root(root: Path, what: str, lacking: Iterable[str], give: str) -> UserError:
    """The error for a root folder that is not the data set ``what``: what was looked for, and what to do."""
    if not root.is_dir():
        remedy = "There is no such folder."
    elif archives := packed(root):
        remedy = f"Unpack {listed(path.name for path in archives)} there."
    else:
        remedy = f"Give {give}."
    code = "dataset-invalid" if root.is_dir() else "file-missing"
    return UserError(f"{root}: not {what}: no {' and no '.join(lacking)}. {remedy}", code=code)


def numbered(paths: Iterable[Path]) -> tuple[dict[int, Path], list[tuple[Path, str]]]:
    """Files whose stem is a number, by that number, however it is padded; and what is wrong: stems that are none, and
    two files with one number (``0012.jpg`` beside ``12.jpg``), of which the first is kept."""
    found: dict[int, Path] = {}
    faults = []
    for path in paths:
        if not path.stem.isdecimal():
            faults.append((path, "the name is not a frame number"))
        elif (number := int(path.stem)) > LARGEST_FRAME:
            faults.append((path, f"frame numbers above {LARGEST_FRAME} are not read"))
        elif number in found:
            faults.append((path, f"frame {number} is there twice, also as {found[number].name}"))
        else:
            found[number] = path
    return found, faults


def presumed(folder: Path, number: int, like: Mapping[int, Path]) -> Path:
    """Where the file of a number would be, named and padded like its neighbours, of which there is one at least.
    Labelled frames whose image is gone are asked for under this name, so that they count as lost."""
    near = like[min(like, key=lambda other: abs(other - number))]
    return folder / f"{number:0{len(near.stem)}d}{near.suffix}"


def text_lines(path: Path) -> list[tuple[int, str]]:
    """Lines of a text file that are not blank, stripped, with their numbers. Any encoding is survived: what matters in
    label files is ASCII. Raises ``OSError``."""
    return _split(path.read_bytes())


def _split(data: bytes) -> list[tuple[int, str]]:
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = data.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    numbers = enumerate(re.split(r"\r\n|\r|\n", text), start=1)
    return [(number, stripped) for number, line in numbers if (stripped := line.strip())]


def whole(text: str) -> int | None:
    """The integer that a text means (``7``, ``7.0``, ``7.0000000e+00``), or ``None``; none lies beyond
    :data:`LARGEST_FRAME`."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if abs(value) <= LARGEST_FRAME and value.is_integer() else None


@dataclass
class Coded:
    """Codes by frame number as the file counts them, the lines they stand in, and what was wrong with the rest."""

    codes: dict[int, int] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


_FLAWLESS = re.compile(rb"(?:\d{1,8},\d{1,8}\r?\n)*\d{1,8},\d{1,8}(?:\r?\n)?")
_FROM_1 = range(1, 1 << 62)


def coded_lines(path: Path, allowed: Collection[int]) -> Coded:
    """``frame,code`` lines, no header: what DISFA and the intensity files of BP4D consist of.

    A torn line, a number that is none, a code that is not ``allowed`` and a frame told twice are faults, and those
    frames get no code. A file that cannot be read at all, or holds no line, is one fault.
    """
    found = Coded()
    try:
        data = path.read_bytes()
    except OSError as error:
        found.faults.append((None, f"cannot be read ({error.strerror or error})"))
        return found
    if _FLAWLESS.fullmatch(data):
        # Data sets have millions of such lines: nearly all files pass here, ten times as fast as line by line.
        numbers = list(map(int, data.replace(b",", b"\n").split()))
        frames, codes = numbers[::2], numbers[1::2]
        if len(set(frames)) == len(frames) and set(codes) <= set(allowed) and max(frames) <= LARGEST_FRAME:
            found.codes, found.lines = dict(zip(frames, codes, strict=True)), dict(zip(frames, _FROM_1, strict=False))
            return found
    lines = _split(data)
    if not lines:
        found.faults.append((None, "is empty"))
    for number, line in lines:
        fields = [part for part in re.split(r"[,;\s]+", line) if part]
        values = [whole(part) for part in fields]
        if len(fields) != 2 or None in values:
            found.faults.append((number, f"{shown(line)} is not frame,code"))
            continue
        frame, code = int(values[0] or 0), int(values[1] or 0)
        if code not in allowed:
            found.faults.append((number, f"code {code} of frame {frame} is none of {listed(allowed)}"))
        elif frame in found.lines:
            found.faults.append((number, f"frame {frame} was told in line {found.lines[frame]} already"))
        else:
            found.codes[frame], found.lines[frame] = code, number
    return found


def shown(line: str, most: int = 40) -> str:
    """A line as it can be quoted in a message."""
    return repr(line if len(line) <= most else line[: most - 3] + "...")


def listed(values: Iterable[object], most: int = 12) -> str:
    """Values, comma-separated, the rest counted."""
    texts = [str(value) for value in values]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as ranges: ``3-5, 9``."""
    runs: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return spans(runs)


def spans(runs: Iterable[tuple[int, int]]) -> str:
    """Runs of numbers, first and last of each, as :func:`ranges` shows them."""
    return listed(str(first) if first == last else f"{first}-{last}" for first, last in runs)
