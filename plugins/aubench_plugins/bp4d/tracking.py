"""Coded frames of BP4D for which the data set has no landmarks, by image number, both ends included.

Worked out from published lists: 271 frames. Of F017/T3 only the bounds and the number (131) are known; the
whole stretch of 138 is listed here.
"""

from __future__ import annotations

LOST: dict[tuple[str, str], tuple[tuple[int, int], ...]] = {
    ("F017", "T3"): ((198, 335),),
    ("F021", "T3"): ((223, 227),),
    ("F023", "T6"): ((1002, 1031),),
    ("M003", "T5"): ((844, 845),),
    ("M003", "T7"): ((1386, 1461),),
    ("M009", "T4"): ((749, 753), (755, 760)),
    ("M010", "T6"): ((942, 957),),
}


def lost(subject: str, task: str) -> frozenset[int]:
    """Image numbers without landmarks."""
    return frozenset(n for first, last in LOST.get((subject, task), ()) for n in range(first, last + 1))
