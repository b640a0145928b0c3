"""The one exception for a mistake that the user can correct, and the codes that tell such mistakes apart."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Mapping
from types import MappingProxyType

UNCODED = "user-error"
"""The code of an error that has no more specific one."""

CODES: Mapping[str, str] = MappingProxyType(
    {
        # Command line and configuration
        "option-invalid": "An option or argument has a value that is not accepted.",
        "option-missing": "An option is required here, or requires another option.",
        "option-conflict": "Two options exclude each other.",
        "name-unknown": "No plugin, variant, AU, data set, metric or preset has this name.",
        "name-ambiguous": "A name matches several things.",
        "name-taken": "A name is already taken, by something installed or by another part of the command.",
        "config-invalid": "A recipe, a run's configuration or a plugin's options hold a value that is not accepted.",
        "registry-invalid": "registry.yaml has invalid content.",
        "registry-untrusted": "Other users may write to registry.yaml or its folder, so it is not used.",
        "plan-invalid": "A loss requests a quantity that nothing provides, or that depends on itself.",
        # Files that are read
        "file-missing": "A file or folder does not exist.",
        "file-empty": "A file is empty, or a folder holds nothing that can be read.",
        "file-damaged": "A file is truncated or damaged, or is not what its name says.",
        "file-unreadable": "The system cannot read a file.",
        "file-altered": "The content of a file differs from the recorded hash.",
        "format-unknown": "aubench does not support the format of a file.",
        "input-too-large": "An input is larger than aubench accepts.",
        "source-unsupported": "An input cannot be used in this way; a camera, for example, cannot be read twice.",
        # Files that are written
        "output-is-input": "An output would overwrite an input.",
        "output-conflict": "Two outputs of one command are the same file.",
        "output-exists": "An output would replace a file or folder that aubench did not write.",
        "output-suffix": "The suffix of an output does not fit its format.",
        "output-unwritable": "An output cannot be written to the given path.",
        "disk-full": "There is not enough space on the disk.",
        "permission-denied": "The system refuses access to a file or folder.",
        # Faces and people
        "no-face": "No face was found, but one is needed.",
        "person-ambiguous": "A value that is relative to one person would mix several people.",
        "frame-missing": "A requested frame does not exist, or does not show the face.",
        # Data sets and splits
        "dataset-invalid": "A data set, or one of its files, does not have the layout that its reader expects.",
        "dataset-incomplete": "A data set lacks subjects, recordings, frames or labels that are needed.",
        "dataset-not-prepared": "A data set must be prepared first (`aubench data prepare`).",
        "split-invalid": "A split is misspelt, has unknown subjects, an empty train or test set, or a subject in both.",
        "labels-missing": "Labels are needed, but there are none.",
        # Tables of predictions, comparisons
        "table-invalid": "A table of predictions or of ground truth has cells or columns that cannot be used.",
        "table-mismatch": "A table of predictions does not fit the ground truth: other frames, videos or subjects.",
        "nothing-to-compare": "No run, table or baseline is left to compare.",
        # Runs and models
        "run-missing": "A folder does not contain a run.",
        "run-exists": "A run already exists in the output folder.",
        "run-unfinished": "A run has not finished, so it has no results.",
        "run-mismatch": "An existing run was made with another configuration, plugin or data.",
        "run-busy": "Another process is using this folder.",
        "model-invalid": "A model folder cannot be used: it is damaged, altered, or of a newer version.",
        "training-diverged": "Training produced values that are not finite.",
        # Weights and assets
        "weights-missing": "Weights do not exist.",
        "weights-mismatch": "Weights do not fit the network.",
        "weights-unsafe": "Loading the weights would run code, so they were not loaded.",
        "asset-missing": "A file that a plugin needs, and that cannot be shipped, does not exist.",
        "download-failed": "A download failed or was refused.",
        # Plugins
        "plugin-broken": "A plugin cannot be imported or constructed.",
        "plugin-invalid": "A plugin breaks its contract.",
        "plugin-unsupported": "A plugin does not support the requested operation.",
        # Machine
        "device-unavailable": "A device (GPU, camera) or number format is not available on this machine.",
        "worker-died": "A worker process ended early.",
        "package-missing": "A Python package is not installed, or its build lacks what is needed.",
        UNCODED: "Any other error; plugins that define no code use this one.",
    }
)
"""Every code of aubench's own errors and what it means. Codes are public: they do not change when messages do."""

_OF_ERRNO = {
    errno.ENOSPC: "disk-full",
    errno.EDQUOT: "disk-full",
    errno.EACCES: "permission-denied",
    errno.EPERM: "permission-denied",
    errno.EROFS: "permission-denied",
    errno.ENOENT: "file-missing",
}


class UserError(Exception):
    """A mistake of the user's: one line that names the file or value and the remedy. The CLI exits with 2.

    Args:
        message: One line for the user.
        code: What kind of mistake it is, a key of :data:`CODES`; a third-party plugin may use codes of its own.

    Example:
        >>> UserError("clip.mp4: no such file", code="file-missing").code
        'file-missing'
    """

    def __init__(self, message: str, *, code: str = UNCODED) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), str(self), self.code))  # worker processes send errors back pickled


def _rebuild(kind: type[UserError], message: str, code: str) -> UserError:
    error = kind.__new__(kind)
    UserError.__init__(error, message, code=code)
    return error


def code_of_errno(number: int | None, otherwise: str = "output-unwritable") -> str:
    """The code for an error of the operating system that is reported as a :class:`UserError`.

    ``otherwise`` is the code for an ``errno`` without one of its own; ``"file-unreadable"`` where a file was read.
    """
    return _OF_ERRNO.get(number or 0, otherwise)


def with_code(message: str, code: str) -> str:
    """``message`` on one line, with its code in brackets at the end: how commands, logs and tables show an error."""
    tag = "" if code == UNCODED else f" [{code}]"
    return f"{' '.join(message.split())}{tag}"


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """At most three of ``known`` that ``name`` may be a misspelling of, the nearest first."""
    return difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A closing sentence that offers the names nearest to ``name``, or all of them when none is near."""
    names = sorted(known)
    if near := nearest(name, names):
        return f"Did you mean {' or '.join(near)}?"
    return f"Known: {', '.join(names) or 'none'}."
