"""Frames of DISFA whose landmark tracking failed: their labels are good, their landmarks are not.

Two public readers leave out the same frames. They are counted from 1, as the label files count, both ends included.
"""

from __future__ import annotations

LOST: dict[str, tuple[tuple[int, int], ...]] = {
    "SN001": ((398, 420), (3190, 3243)),
    "SN002": ((800, 826),),
    "SN004": ((4541, 4555),),
    "SN006": ((1349, 1405),),
    "SN009": ((1736, 1808), (1851, 1885)),
    "SN011": ((4529, 4533), (4830, 4845)),
    "SN021": (
        (574, 616), (985, 1164), (1190, 1205), (1305, 1338), (1665, 1710), (1862, 2477), (2554, 4657), (4710, 4722),
    ),
    "SN023": ((1021, 1049), (3378, 3557), (3584, 3668), (4547, 4621), (4741, 4772), (4825, 4845)),
    "SN025": ((4596, 4662), (4816, 4835)),
    "SN027": ((3461, 3494), (4738, 4785)),
    "SN028": ((1875, 1885), (4571, 4690)),
    "SN029": ((4090, 4543),),
    "SN030": ((939, 962), (1406, 1422), (2100, 2132), (2893, 2955)),
}  # fmt: skip


def lost(subject: str) -> frozenset[int]:
    """The frames of a subject, counted from 0, whose landmarks are not to be trusted."""
    return frozenset(frame - 1 for first, last in LOST.get(subject, ()) for frame in range(first, last + 1))
