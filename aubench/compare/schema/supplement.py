"""What stands beside the ranking: whether an AU is there at all, and what an answer costs."""

from __future__ import annotations

from pydantic import Field

from aubench.compare.formats import Scale
from aubench.compare.schema.protocol import Kind, Labels, ProtocolGroup, Ranks
from aubench.result_model import ResultModel


class OccurrenceScore(ResultModel):
    """How well the order of a method's numbers tells the frames with an AU from those without."""

    auc: float | None
    """Area under the ROC curve, 0 to 1, 0.5 is chance; None where it is undefined."""
    auc_sd: float | None = None
    """Standard deviation over the seeds (n - 1); not set for one seed."""
    n: int
    """Scored frames; of a mean, AUs."""
    positives: int | None = None
    """Scored frames with the AU; not set for a mean."""
    note: str
    """Why the area is undefined, or which AUs are not in the mean."""


class OccurrenceRow(ResultModel):
    """One method's areas."""

    name: str
    label: str
    kind: Kind
    scale: Scale
    labels: Labels
    mean: OccurrenceScore
    aus: dict[str, OccurrenceScore]
    seeds: int
    """How many training seeds the areas are means of."""
    protocol: str = ""
    """Fingerprint of the protocol, the scale left out."""
    group: str = ""
    """Letter of its protocol's group, in this table."""
    marks: Ranks = Field(default_factory=dict)


class OccurrenceTable(ResultModel):
    """Every method's areas on one data set."""

    threshold: float
    """Intensity, above 0 and up to 5, from which an AU counts as there."""
    positives: dict[str, int]
    """Annotated frames with the AU, by AU."""
    groups: list[ProtocolGroup]
    rows: list[OccurrenceRow]


class DatasetSpeed(ResultModel):
    """How speed was measured on a data set, and what is the same for all methods."""

    frames: int
    batch: int
    """Images in a batch."""
    threads: int
    device: str = "cpu"
    machine: str
    picture: tuple[int, int]
    """Width and height in pixels of the picture in which the face is found."""
    detect: float
    """Milliseconds an image to find the face."""
    align: float
    """Milliseconds an image to cut it out."""
    found: float
    """Share of the faces that the detector found, 0 to 1."""


class MethodSpeed(ResultModel):
    """What one method's answers cost, measured beside the others."""

    stages: dict[str, float]
    """Milliseconds an image by stage: ``extract`` and ``regress``, or ``whole``."""
    ms: float
    """Their sum: milliseconds from aligned crop to answer."""
    images_per_s: float
    rounds: int
    """Turns that were timed; the fastest counts."""
    answered: int
    """Frames with an answer."""
    parameters: int
    """How many numbers a prediction needs."""
    megabytes: float
    """Their size in MB (10^6 bytes)."""
    note: str


class NotMeasured(ResultModel):
    """Why a method's speed was not measured."""

    reason: str
