"""A folder of one's own made ready when training begins: no step in between, and no file that stops it.

Of the data sets of a run, those whose reader says ``automatic`` are scanned and prepared (:mod:`.prepare`) wherever
their folder has changed since. A file that cannot be read, or shows no face, is told in a line and passed over. Where
there are labels, frames that are lost count as in ``aubench data prepare``, and a store that this command made is left
as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from aubench import discovery
from aubench.data.dataset import PreparedDataset
from aubench.data.frame_store import CARD, FrameStore, default_parent, store_folder
from aubench.data.making import Making
from aubench.data.prepare import MAX_LOST, prepare
from aubench.data.prepared import PreparedConfig
from aubench.data.ready import NOTE, Note, listing, media, read_note, skipped
from aubench.errors import UserError
from aubench.progress import progress

FEW = 1000
"""So many frames are prepared in this process: starting others costs more."""
SHOWN = 100
"""So many files that are passed over are told; the rest are counted, and all are in the store's note."""


def make_ready(parts: Iterable[tuple[str, Mapping[str, Any]]], console: Console) -> None:
    """Prepare what prepares by itself among data sets, given as names and options. Not under a locked door: a folder
    may hold labels. Raises ``UserError`` for a folder that is not there, is empty, or shows no face at all."""
    for name, options in parts:
        if issubclass(discovery.find("dataset", name).config, PreparedConfig):
            dataset = discovery.build("dataset", name, dict(options))
            if isinstance(dataset, PreparedDataset) and getattr(dataset.reader, "automatic", False):
                _make_ready(dataset, console)


def _make_ready(dataset: PreparedDataset, console: Console) -> None:
    name, config = dataset.name, dataset.config
    parent = Path(config.store) if config.store else default_parent()
    if config.root is None:
        if not any(parent.glob(f"{name}-*/{CARD}")):
            raise UserError(f"data set {name!r}: give its folder: --root {name}=DIR", code="option-missing")
        return  # the one that is there, or a word about which there are
    root = Path(config.root)
    if not root.is_dir():
        raise UserError(
            f"--root {name}={root}: {'is not a folder' if root.exists() else 'does not exist'}", code="file-missing"
        )
    store = _whole(dataset)
    note = None if store is None else read_note(store.folder)
    if store is not None and note is None and store.card.coded:
        return
    now, others = listing(root)
    before = store is not None and note is not None and note.listing == now
    if store is None or note is None or not before:
        making = Making(config.size, config.align, store.making.codec if store is not None else "jpeg")
        store, note = _prepare(dataset, root, parent, making, now, others, console)
    _tell(console, f"{name}: {_words(store)} of {root}{', prepared before' * before}; {_left_out(note, store)}")


def _whole(dataset: PreparedDataset) -> FrameStore | None:
    """The store that fits, where there is one with all its files."""
    try:
        store = dataset.store
        return store if len(store.files) else None
    except UserError:
        return None


def _prepare(
    dataset: PreparedDataset,
    root: Path,
    parent: Path,
    making: Making,
    now: str,
    others: dict[str, int],
    console: Console,
) -> tuple[FrameStore, Note]:
    reader = dataset.reader
    _tell(console, f"{dataset.name}: looking for faces in {root}, once")
    with progress(f"scanning {root}"):
        scan = reader.scan(root)
    frames = sum(len(recording.frames) for recording in scan.recordings)
    folder = store_folder(parent, dataset.name, root, reader.options(), making)
    try:
        store = prepare(
            reader,
            root,
            parent,
            making,
            max_lost=MAX_LOST if scan.coded else 1.0,
            workers=1 if frames <= FEW else None,
            scan=scan,
        )
    except UserError:  # nothing is left, perhaps: say why
        _tell_skipped(console, root, skipped(scan, folder, root))
        raise
    note = Note(listing=now, skipped=skipped(scan, folder, root), others=others)
    _tell_skipped(console, root, note.skipped)
    note.write(store.folder)
    return store, note


def _tell_skipped(console: Console, root: Path, files: Mapping[str, str]) -> None:
    for file, reason in list(files.items())[:SHOWN]:
        _tell(console, f"{root / file}: {reason}; skipped")
    if len(files) > SHOWN:
        _tell(console, f"... and {len(files) - SHOWN} more files")


def _words(store: FrameStore) -> str:
    counts = {**media(store), "frames": store.card.rows}
    return ", ".join(f"{count} {name if count != 1 else name[:-1]}" for name, count in counts.items())


def _left_out(note: Note, store: FrameStore) -> str:
    skipped = len(note.skipped)
    text = f"{skipped} file{'s' * (skipped != 1)} skipped" + (f" (listed in {store.folder / NOTE})" if skipped else "")
    if note.others:
        text += f"; {sum(note.others.values())} other files skipped ({', '.join(sorted(note.others))})"
    return text


def _tell(console: Console, line: str) -> None:
    # File names are no markup, and a line stays one.
    console.print(line, markup=False, highlight=False, soft_wrap=True)
