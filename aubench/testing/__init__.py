"""The conformance kit: what a plugin of each kind promises, as checks that anyone can run.

In a plugin's tests::

    from aubench.testing import ExtractorSuite

    class TestMine(ExtractorSuite):
        plugin = "my-extractor"          # as `aubench plugins list` shows it
        config = {"weights": "none"}     # options, if any

and on the command line ``aubench plugins check my-extractor``. The checks are the same; pytest is needed for neither
the import nor the command. Each promise stands in :mod:`aubench.contracts`.
"""

from .dataset import DatasetSuite
from .engine import EngineSuite
from .estimator import EstimatorSuite
from .extractor import ExtractorSuite
from .loss import LossSuite
from .promise import Broken
from .recogniser import RecogniserSuite
from .regressor import RegressorSuite
from .renderer import RendererSuite
from .running import Check, Report, checks_of, run, suite_for

__all__ = [
    "Broken",
    "Check",
    "DatasetSuite",
    "EngineSuite",
    "EstimatorSuite",
    "ExtractorSuite",
    "LossSuite",
    "RecogniserSuite",
    "RegressorSuite",
    "RendererSuite",
    "Report",
    "checks_of",
    "run",
    "suite_for",
]
