"""The head's turns as a BVH file (Biovision Hierarchy): one joint, since a face has no other bones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aubench.retarget.motion import Motion

_HEADER = """HIERARCHY
ROOT head
{
\tOFFSET 0.0 0.0 0.0
\tCHANNELS 3 Zrotation Yrotation Xrotation
\tEnd Site
\t{
\t\tOFFSET 0.0 0.2 0.0
\t}
}
MOTION
"""


def is_ours(path: Path) -> bool:
    """Whether a file begins as :func:`text` begins: with this one joint."""
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER.encode()
    except OSError:
        return False


def text(motion: Motion, rate: float) -> str:
    """A line for each picture: degrees about z, y and x (y up, z to the viewer), the x turn first. BVH knows one time
    between lines only: the mean, or that of ``rate`` pictures a second for a single picture."""
    count = len(motion.seconds)
    step = float(motion.seconds[-1]) / (count - 1) if count > 1 else 1 / rate
    yaw, pitch, roll = np.degrees(motion.angles).T
    lines = [f"{z:.4f} {y:.4f} {x:.4f}" for z, y, x in zip(-roll, yaw, pitch, strict=True)]
    return f"{_HEADER}Frames: {count}\nFrame Time: {step:.6f}\n" + "\n".join(lines) + "\n"
