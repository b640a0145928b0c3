"""What frozen networks see on faces, to be looked at: parsing classes and 68 landmarks drawn over aligned crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from aubench.contracts import PARSING_CLASSES, WHOLE, Parser, View
from aubench.landmarks import PARTS, Landmarker
from aubench.predict.align import Image, Points
from aubench.predict.panel import font
from aubench.predict.run import to_tensor

Classes = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

CLASS_COLOURS: dict[str, Colour] = {
    "background": (38, 40, 46), "skin": (120, 205, 160), "l_brow": (255, 150, 0), "r_brow": (255, 225, 30),
    "l_eye": (0, 90, 255), "r_eye": (0, 220, 255), "eye_g": (150, 0, 255), "l_ear": (165, 105, 40),
    "r_ear": (225, 175, 110), "ear_r": (255, 255, 255), "nose": (235, 60, 200), "mouth": (120, 0, 25),
    "u_lip": (255, 35, 35), "l_lip": (255, 135, 120), "neck": (60, 140, 60), "neck_l": (190, 255, 60),
    "cloth": (115, 115, 210), "hair": (105, 45, 130), "hat": (0, 120, 115),
}  # fmt: skip
"""RGB of each of :data:`aubench.contracts.PARSING_CLASSES`."""
PART_COLOURS: dict[str, Colour] = {
    "jaw": (255, 255, 255), "brows": (255, 225, 30), "nose": (255, 120, 230), "eyes": (0, 230, 255),
    "mouth": (255, 70, 60),
}  # fmt: skip
LINES: tuple[tuple[str, range, bool], ...] = (
    ("jaw", range(17), False),
    ("brows", range(17, 22), False),
    ("brows", range(22, 27), False),
    ("nose", range(27, 31), False),
    ("nose", range(31, 36), False),
    ("eyes", range(36, 42), True),
    ("eyes", range(42, 48), True),
    ("mouth", range(48, 60), True),
    ("mouth", range(60, 68), True),
)
"""Points joined by a line, and whether it closes."""
TINT, UNSEEN = 0.55, 0.65
"""Share of the class colour over the crop, and of white over what the network does not look at."""
PAPER, INK, GROUND = (255, 255, 255), (40, 40, 40), 128
GAP, MARGIN, STRIP, TEXT = 4, 110, 18, 12
"""Pixels between cells, for the names of the rows, above the cells for their titles, and of the letters."""
_BATCH = 16
_PALETTE = np.array([CLASS_COLOURS[name] for name in PARSING_CLASSES], np.float32)


@dataclass(frozen=True)
class Row:
    """A row of the sheet: its ``name`` and a picture (s, s, 3) of each face."""

    name: str
    pictures: Sequence[Image]


def enlarged(crop: Image, side: int) -> Image:
    """An aligned crop at the size at which it is shown."""
    method = cv2.INTER_AREA if crop.shape[0] > side else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(crop, (side, side), interpolation=method), np.uint8)


def _ground(crop: Image, side: int, plain: bool) -> Image:
    """What is drawn over: the crop, or grey."""
    return np.full((side, side, 3), GROUND, np.uint8) if plain else enlarged(crop, side)


@torch.inference_mode()
def parsed(
    parser: Parser, crops: Sequence[Image], side: int, *, plain: bool = False, device: torch.device | str = "cpu"
) -> list[Image]:
    """Crops (s, s, 3) at size ``side`` under the colours of the classes that are likeliest in each pixel. What lies
    outside of the parser's ``view`` is paled. ``plain``: grey in the place of the crops."""
    view: View = getattr(parser, "view", WHOLE)
    out = []
    for start in range(0, len(crops), _BATCH):
        some = list(crops[start : start + _BATCH])
        classes = _likeliest(parser.parse(to_tensor(some, device)).float(), view, side)
        out += [blended(_ground(crop, side, plain), seen, view) for crop, seen in zip(some, classes, strict=True)]
    return out


def _likeliest(logits: torch.Tensor, view: View, side: int) -> Classes:
    """Class of each pixel (b, side, side) from logits (b, 19, s, s). They are enlarged before the largest is taken, so
    that borders are no stairs, and inside the view only: around it stand logits that nobody computed."""
    rows, columns = _window(view, logits.shape[-1])
    to_rows, to_columns = _window(view, side)
    size = (to_rows.stop - to_rows.start, to_columns.stop - to_columns.start)
    out = np.zeros((len(logits), side, side), np.uint8)
    fine = F.interpolate(logits[..., rows, columns], size=size, mode="bilinear", align_corners=False)
    out[:, to_rows, to_columns] = fine.argmax(1).byte().cpu().numpy()
    return out


def _window(view: View, side: int) -> tuple[slice, slice]:
    """Rows and columns of a square picture that lie in the view."""
    top, bottom, left, right = (round(min(max(part, 0.0), 1.0) * side) for part in view)
    return slice(top, bottom), slice(left, right)


def blended(crop: Image, classes: Classes, view: View = WHOLE) -> Image:
    """A crop (s, s, 3) under the colours of its ``classes`` (s, s), their borders in full colour; paled outside of
    ``view``, whose frame is drawn."""
    colour = _PALETTE[classes]
    border = np.zeros(classes.shape, bool)
    border[:, :-1] |= classes[:, :-1] != classes[:, 1:]
    border[:-1] |= classes[:-1] != classes[1:]
    tint = np.where(border, 1.0, TINT)[..., None]
    out = crop * (1 - tint) + colour * tint
    if view != WHOLE:
        side = len(crop)
        rows, columns = _window(view, side)
        pale = crop.mean(axis=2, keepdims=True).repeat(3, axis=2) * (1 - UNSEEN) + 255 * UNSEEN
        pale[rows, columns] = out[rows, columns]
        out = pale
        corners = (columns.start, rows.start), (columns.stop - 1, rows.stop - 1)
        out = np.ascontiguousarray(out)
        cv2.rectangle(out, *corners, (255, 255, 255), 1)
    return np.asarray(out.round().clip(0, 255), np.uint8)


@torch.inference_mode()
def pointed(
    network: Landmarker, crops: Sequence[Image], side: int, *, plain: bool = False, device: torch.device | str = "cpu"
) -> list[Image]:
    """Crops (s, s, 3), or with ``plain`` grey, at size ``side`` with the 68 points that the network finds on them."""
    out = []
    for start in range(0, len(crops), _BATCH):
        some = list(crops[start : start + _BATCH])
        found = network.landmarks(to_tensor(some, device)).double().cpu().numpy()
        for crop, points in zip(some, found, strict=True):
            out.append(dotted(_ground(crop, side, plain), (points + 0.5) * (side / len(crop)) - 0.5))
    return out


def dotted(crop: Image, points: Points) -> Image:
    """A crop with 68 points (68, 2) in its pixels, joined by thin lines, each part of the face in its colour."""
    out = crop.copy()
    places = np.round(points * 16).astype(np.int32)  # 4 binary digits of sub-pixels
    for part, which, closed in LINES:
        cv2.polylines(out, [places[list(which)]], closed, PART_COLOURS[part], 1, cv2.LINE_AA, 4)
    radius = round(16 * max(1.0, len(crop) / 130))
    for part, members in PARTS.items():
        for place in places[list(members)].tolist():
            cv2.circle(out, place, radius, PART_COLOURS[part], -1, cv2.LINE_AA, 4)
    return out


def sheet(titles: Sequence[str], rows: Sequence[Row], *, columns: int = 6) -> Image:
    """One picture, RGB: a column for each face under its title, the rows below one another with their names on the
    left; after ``columns`` faces all rows again. At the foot the colours of the classes."""
    import PIL.Image
    import PIL.ImageDraw

    side, count = len(rows[0].pictures[0]), len(titles)
    wide = MARGIN + min(columns, count) * (side + GAP) + GAP
    band = STRIP + len(rows) * (side + GAP) + GAP
    bands = -(-count // columns)
    letters = font(TEXT)
    legend = _legend(letters, wide)
    page = PIL.Image.new("RGB", (wide, bands * band + legend[-1][1] + STRIP + GAP), PAPER)
    draw = PIL.ImageDraw.Draw(page)
    for number, title in enumerate(titles):
        top, left = number // columns * band, MARGIN + number % columns * (side + GAP)
        draw.text((left, top + STRIP / 2), _fitted(title, letters, side), fill=INK, font=letters, anchor="lm")
        for row, shown in enumerate(rows):
            page.paste(PIL.Image.fromarray(shown.pictures[number]), (left, top + STRIP + row * (side + GAP)))
    for top in range(0, bands * band, band):
        for row, shown in enumerate(rows):
            middle = top + STRIP + row * (side + GAP) + side / 2
            words = "\n".join(_fitted(word, letters, MARGIN - 2 * GAP) for word in shown.name.split())
            draw.multiline_text((GAP, middle), words, fill=INK, font=letters, anchor="lm", spacing=4)
    for name, (x, y) in zip(PARSING_CLASSES, legend, strict=True):
        y += bands * band
        draw.rectangle((x, y + 3, x + TEXT, y + 3 + TEXT), fill=CLASS_COLOURS[name], outline=INK)
        draw.text((x + TEXT + GAP, y + STRIP / 2), name, fill=INK, font=letters, anchor="lm")
    return np.array(page)


def _legend(letters: Any, wide: int) -> list[tuple[int, int]]:
    """Where each class's swatch stands, in lines no wider than the page."""
    places, x, y = [], GAP, 0
    for name in PARSING_CLASSES:
        length = TEXT + GAP + round(letters.getlength(name)) + 3 * GAP
        if x > GAP and x + length > wide:
            x, y = GAP, y + STRIP
        places.append((x, y))
        x += length
    return places


def _fitted(text: str, letters: Any, wide: int) -> str:
    """As much of a text as fits; of long names the end tells more."""
    if letters.getlength(text) <= wide:
        return text
    while text and letters.getlength("…" + text) > wide:
        text = text[1:]
    return "…" + text
