"""What rows of a comparison share: kinds, labels, ranks, and the protocol that they are scored on."""

from __future__ import annotations

from typing import Literal

from aubench.compare.formats import Scale
from aubench.result_model import ResultModel

Kind = Literal["run", "import", "baseline", "constant"]
Labels = Literal["none", "weak", "semi", "full", "oracle", "unknown"]
Ranks = dict[str, int]
"""AU or "mean" to 1 (best) or 2 (second) of its column, among the rows of one protocol and by printed digits."""


class ScoringProtocol(ResultModel):
    """What two rows must share to be ranked together. All but ``cells`` is in the hash."""

    dataset: str
    truth: str
    """Digest of the labels, 16 hexadecimal digits."""
    subjects: int
    """People with a scored frame."""
    aus: list[str]
    """AUs with a scored frame."""
    frames: int
    """Frames on which at least one AU is scored."""
    mask: str
    """Digest of the scored cells and of the people, 12 hexadecimal digits."""
    icc: str
    """Form of the ICC that is ranked, such as "3,1"."""
    scale: Scale
    cells: int = 0
    """Scored cells: pairs of frame and AU."""
    person: bool = False
    """Whether each subject's unlabelled test frames were used to read them; not set where they were not."""


class ProtocolGroup(ResultModel):
    """The rows of one protocol."""

    group: str
    """Letter of the group; A is the first."""
    hash: str
    """Fingerprint of the protocol, 12 hexadecimal digits."""
    protocol: ScoringProtocol | None = None
    """Not set in the table of occurrence."""
    rows: list[str]
    """Names of the rows, the best first."""
    differs: str
    """How the protocol departs from the first group's, in words; empty for the first."""
