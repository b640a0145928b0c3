"""Damage: strategies that change the bytes, the cells or the fields of a good file."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

_HEAD = 512
"""Half of all changes fall into so many first bytes, where formats say what follows."""
NASTY_BYTES = (
    b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f",
    b"\x80\0\0\0", b"\0\0\0\x80", b"\0\0\0\1", b"\1\0\0\0", b"\0" * 8, b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\0" * 64,
    struct.pack("<d", float("inf")), struct.pack("<d", float("nan")), struct.pack(">f", float("inf")), b"\n", b",",
    b'"', b"\r", b"{", b"[", b"\xe9", b"\xed\xa0\x80", b"\xef\xbb\xbf",
)  # fmt: skip
NASTY_CELLS = (
    "", " ", "nan", "NaN", "inf", "-inf", "1e400", "-1e400", "1e308", "-1", "-0", "0", "5.0001", "1e-320", "1" * 5000,
    "9" * 17, "9" * 18, "9" * 19, "9" * 20, "2147483648", "4294967296", "1000000060", "0x10", "1_0", "١", "²", "⅕",
    "+3", "1,5", "true", "None", '"', '""', '"x', "'", "=1+1", "@SUM(1)", "<b>", "\0", "\ufeff", "\ud800x"[1:],
    "é" * 50,
    "a" * 200_000, "../..", "/", "/etc/passwd", ".", "..", "\\", "C:\\x", "2001-99-99", "12:30", "1.5e3", "1.0.0",
)  # fmt: skip
_FRACTION = st.integers(0, (1 << 24) - 1)
_EDIT = st.tuples(
    st.sampled_from(("flip", "set", "nasty", "insert", "delete", "double", "cut", "zero", "swap", "add")),
    st.booleans(), _FRACTION, st.integers(0, 0xFFFF),
)  # fmt: skip


def damaged(seeds: Sequence[bytes], most: int = 8) -> st.SearchStrategy[bytes]:
    """One of ``seeds`` with one to ``most`` changes, at any byte but more often near the front."""
    edits = st.lists(_EDIT, min_size=1, max_size=most)
    return st.tuples(st.sampled_from(range(len(seeds))), edits).map(lambda drawn: _apply(seeds[drawn[0]], drawn[1]))


def _apply(data: bytes, edits: list[tuple[str, bool, int, int]]) -> bytes:
    out = bytearray(data)
    for kind, early, fraction, value in edits:
        span = min(len(out), _HEAD) if early else len(out)
        at = fraction % max(span, 1)
        run = 1 + value % 64
        nasty = NASTY_BYTES[value % len(NASTY_BYTES)]
        if kind == "flip" and out:
            out[at] ^= 1 << (value % 8)
        elif kind == "set" and out:
            out[at] = value & 0xFF
        elif kind == "add" and out:
            out[at] = (out[at] + (1 if value & 1 else -1)) & 0xFF
        elif kind == "nasty":
            out[at : at + len(nasty)] = nasty
        elif kind == "insert":
            out[at:at] = nasty
        elif kind == "delete":
            del out[at : at + run]
        elif kind == "double":
            out[at:at] = out[at : at + run]
        elif kind == "cut":
            del out[at:]
        elif kind == "zero":
            out[at : at + run] = bytes(len(out[at : at + run]))
        elif kind == "swap":
            first, second = bytes(out[at : at + run]), bytes(out[at + run : at + 2 * run])
            out[at : at + len(first) + len(second)] = second + first
    return bytes(out)


_CELL = re.compile(r"[^,;\t\s<>=\"]+")
_TEXT_EDITS = (
    "cell",
    "cell",
    "cell",
    "cell",
    "line",
    "drop",
    "double",
    "swap",
    "join",
    "quote",
    "cut",
    "delimiter",
    "column",
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "utf-32")


def damaged_text(seeds: Sequence[str], most: int = 4, cells: Sequence[str] = NASTY_CELLS) -> st.SearchStrategy[bytes]:
    """One of ``seeds`` with cells, lines, delimiters or the encoding changed."""
    edits = st.lists(
        st.tuples(st.sampled_from(_TEXT_EDITS), _FRACTION, st.sampled_from(cells)), min_size=1, max_size=most
    )
    encoding = st.sampled_from(("utf-8",) * 6 + ENCODINGS)
    ends = st.sampled_from(("\n",) * 5 + ("\r\n", "\r"))
    drawn = st.tuples(st.sampled_from(range(len(seeds))), edits, encoding, ends)
    return drawn.map(lambda d: _apply_text(seeds[d[0]], d[1]).replace("\n", d[3]).encode(d[2], errors="replace"))


def _apply_text(text: str, edits: list[tuple[str, int, str]]) -> str:
    for kind, fraction, value in edits:
        lines = text.split("\n")
        at = fraction % len(lines)
        if kind == "cell" and (cells := list(_CELL.finditer(text))):
            cell = cells[fraction % len(cells)]
            text = text[: cell.start()] + value + text[cell.end() :]
            continue
        if kind == "cut":
            text = text[: fraction % (len(text) + 1)]
            continue
        if kind == "delimiter":
            text = text.replace(",", (";", "\t", " ", ",,")[fraction % 4])
            continue
        if kind == "column":
            text = "\n".join(line + "," + value for line in lines)
            continue
        if kind == "line":
            lines[at] = value
        elif kind == "drop":
            del lines[at]
        elif kind == "double":
            lines.insert(at, lines[at])
        elif kind == "swap":
            other = (fraction // 7) % len(lines)
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == "join":
            lines[at : at + 2] = ["".join(lines[at : at + 2])]
        elif kind == "quote":
            lines[at] = '"' + lines[at]
        text = "\n".join(lines)
    return text


def any_damage(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Text seeds, damaged as bytes or as text."""
    texts = [seed.decode("utf-8", errors="replace") for seed in seeds]
    return st.one_of(damaged_text(texts), damaged(seeds))


def junk() -> st.SearchStrategy[bytes]:
    """Bytes of no format."""
    return st.one_of(
        st.binary(max_size=200),
        st.sampled_from((b"", b"\0", b"\n", b"\xff" * 100, b"\0" * 100_000, b"," * 300_000, b"[" * 5000)),
    )


NASTY_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1 << 31, 1 << 62, 1 << 70, 0.5, -0.5, 1e308, float("inf"), float("nan"), "",
    " ", "x", "é" * 40, "a" * 100_000, "\0", "../../x", "/", "none", "nan", "1", "=1", "tiny", "bisenet", "synth",
    [], [None], [[]], [[[]]], [1] * 1000, ["x"], [{}], {}, {"x": {}}, {"name": None}, {"name": "tiny"}, {"": 1},
    {"name": "tiny", "config": None}, {"name": "tiny", "config": {"x": 1}}, {"name": []}, {"config": {}},
)  # fmt: skip
"""Values that JSON can hold, for fields of files of ours."""


def changed(tree: Any) -> st.SearchStrategy[Any]:
    """A JSON tree with one to three of its values replaced, removed or renamed."""
    edits = st.lists(
        st.tuples(st.sampled_from(("set", "set", "set", "remove", "rename")), _FRACTION,
        st.sampled_from(range(len(NASTY_VALUES)))),
        min_size=1, max_size=3,
    )  # fmt: skip
    return edits.map(lambda drawn: _change(tree, drawn))


def _change(tree: Any, edits: list[tuple[str, int, int]]) -> Any:
    import copy

    tree = copy.deepcopy(tree)
    for kind, fraction, number in edits:
        places = list(_places(tree))
        if not places:
            return tree
        inside, key = places[fraction % len(places)]
        if kind == "set":
            inside[key] = copy.deepcopy(NASTY_VALUES[number])
        elif kind == "remove":
            del inside[key]
        elif isinstance(inside, dict):
            inside[f"{key}x"] = inside.pop(key)
    return tree


def _places(tree: Any) -> Any:
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(entries):
        yield tree, key
        yield from _places(value)
