"""Pools of faces drawn by an engine: rendered once by worker processes, kept on disk, memory-mapped ever after.

A pool is a pure function of (engine, its code, its config, style, and one row of inputs per face); its folder is named
after the hash of exactly that, so a changed engine never meets stale pictures. Which worker draws which face
does not matter: every face has its own seeds. A killed rendering goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from aubench import discovery
from aubench.arrays import save_array
from aubench.component import Component, Config
from aubench.contracts import NUISANCE_NAMES, Style
from aubench.engine_digest import engine_digest
from aubench.errors import UserError, code_of_errno
from aubench.files import cache_folder
from aubench.mapped import new_array
from aubench.materialise import materialise
from aubench.parameters import SIZE
from aubench.processes import Workers, available_cores
from aubench.progress import progress

if TYPE_CHECKING:
    from aubench.contracts import Engine
    from aubench.parameters import FacialParameters

FORMAT = 1
CHUNK = 64
"""Faces that a worker draws before it reports; also the unit in which a killed rendering goes on."""
MANIFEST, DONE = "manifest.json", "done.json"
"""The second holds the chunks that an unfinished pool has; it is not there before the arrays are."""
OUTPUTS = ("images", "parsing", "landmarks")


@dataclass(frozen=True)
class Samples:
    """``count`` drawn faces. ``images`` uint8 RGB (n, h, w, 3); ``vectors`` float32 (n, 269); ``parsing`` uint8
    (n, h, w), indices into :data:`aubench.contracts.PARSING_CLASSES`; ``landmarks`` float32 (n, 68, 2), pixels, x then
    y. All but ``vectors`` are memory-mapped, read-only. ``digest`` is the hash of the inputs that made them."""

    images: npt.NDArray[np.uint8]
    vectors: npt.NDArray[np.float32]
    parsing: npt.NDArray[np.uint8]
    landmarks: npt.NDArray[np.float32]
    digest: str
    engine_digest: str
    folder: Path

    def __len__(self) -> int:
        return len(self.vectors)

    def first(self, count: int) -> Samples:
        """The first faces of the pool."""
        part = slice(0, count)
        arrays = (self.images[part], self.vectors[part], self.parsing[part], self.landmarks[part])
        return Samples(*arrays, self.digest, self.engine_digest, self.folder)

    def parameters(self, index: Any = slice(None)) -> FacialParameters:
        """Facial parameters of the chosen faces, as torch tensors."""
        import torch

        from aubench.parameters import FacialParameters

        return FacialParameters.from_vector(torch.from_numpy(np.array(self.vectors[index], dtype=np.float32)))


def engine_card(engine: str | Component) -> Component:
    """The card of an engine, by name. Raises :class:`UserError` for a name that no plugin offers."""
    if isinstance(engine, Component):
        return engine
    return discovery.find("renderer", engine)


def build_engine(engine: str | Component, config: Mapping[str, object] | Config | None = None) -> Engine:
    """The engine itself, from its name or card and its options."""
    card = engine_card(engine)
    return _construct(card, discovery.configure(card, config))


@dataclass(frozen=True)
class Inputs:
    """One row per face, everything that ``Engine.draw`` is told: ``vectors`` float32 (n, 269); ``looks`` and ``shots``
    int64 (n,), looks of -1 (all or none) standing for the engine's own default; ``nuisance`` float32 (n, 9)."""

    vectors: npt.NDArray[np.float32]
    looks: npt.NDArray[np.int64]
    shots: npt.NDArray[np.int64]
    nuisance: npt.NDArray[np.float32]

    @cached_property
    def digest(self) -> str:
        digest = hashlib.sha256()
        for name in ("vectors", "looks", "shots", "nuisance"):
            digest.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.vectors)


def random_inputs(
    vectors: npt.NDArray[np.float32],
    seed: int,
    *,
    looks: Literal["one", "many"] | npt.NDArray[np.int64] = "many",
    nuisance: float = 0.0,
) -> Inputs:
    """Looks, shots and nuisance movements for given faces. ``looks``: "one" is the engine's default look for all,
    "many" a look of its own for each face, or the seeds themselves. ``nuisance`` scales uniform movements in [-1, 1].
    """
    count = len(vectors)
    if vectors.shape != (count, SIZE):
        raise ValueError(f"facial parameters are (n, {SIZE}), not {vectors.shape}")
    random = np.random.default_rng([seed, 0x10015])
    own = random.integers(0, 2**31, count)
    shots = random.integers(0, 2**31, count)
    shake = random.uniform(-nuisance, nuisance, (count, len(NUISANCE_NAMES))).astype(np.float32)
    if isinstance(looks, str):
        looks = own if looks == "many" else np.full(count, -1)
    return Inputs(vectors.astype(np.float32), looks.astype(np.int64), shots.astype(np.int64), shake)


def engine_samples(
    engine: str | Component,
    engine_config: Mapping[str, object] | Config | None,
    count: int,
    seed: int,
    style: Style = "game",
    cache_dir: Path | str | None = None,
    *,
    looks: Literal["one", "many"] | None = None,
    nuisance: float = 0.0,
    inputs: Inputs | None = None,
    workers: int | None = None,
) -> Samples:
    """``count`` faces of ``engine``, from the cache or drawn now.

    Without ``inputs`` the faces are ``Engine.sample(count, seed)``, with looks "one" in game style and "many" in photo
    style unless told otherwise. ``workers``: processes that draw, all cores by default, 0 to draw in this process.
    Raises :class:`UserError` when the cache cannot be written or a cached pool fails its checksum twice.
    """
    card = engine_card(engine)
    config = discovery.configure(card, engine_config)
    maker = _construct(card, config)
    if inputs is None:
        chosen = looks or ("one" if style == "game" else "many")
        inputs = random_inputs(maker.sample(count, seed).vector().numpy(), seed, looks=chosen, nuisance=nuisance)
    elif len(inputs) != count:
        raise ValueError(f"{count} faces asked for, inputs for {len(inputs)} given")
    source = engine_digest(card, config)
    facts = {
        "format": FORMAT,
        "engine": card.name,
        "engine_digest": source,
        "config": config.model_dump(mode="json"),
        "style": style,
        "size": maker.size,
        "count": count,
        "inputs": inputs.digest,
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    folder = Path(cache_dir or cache_folder()) / "samples" / f"{card.name}-{style}-{count}-{digest[:16]}"

    def build(partial: Path) -> None:
        _render(partial, facts, card, config, inputs, style, maker, workers)

    try:
        return materialise(folder, lambda: _open(folder, digest, source), build, resumable=_begun)
    except OSError as error:
        raise UserError(
            f"{folder}: {error.strerror or error}; set AUBENCH_CACHE to a folder with room",
            code=code_of_errno(error.errno),
        ) from error


def _construct(card: Component, config: Config) -> Engine:
    made: Engine = discovery.load_factory(card)(config)  # type: ignore[assignment]
    return made


def _open(folder: Path, digest: str, engine: str) -> Samples | None:
    """A finished pool whose arrays match their checksums; None otherwise."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in (*OUTPUTS, "vectors")}
        intact = all(_checksum(array) == manifest["sha256"][name] for name, array in arrays.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RecursionError):
        intact = False
    if not intact:
        return None
    return Samples(
        arrays["images"], np.array(arrays["vectors"]), arrays["parsing"], arrays["landmarks"], digest, engine, folder
    )


def _checksum(array: npt.NDArray[Any]) -> str:
    flat: Any = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return hashlib.sha256(flat).hexdigest()


def _render(
    partial: Path,
    facts: dict[str, Any],
    card: Component,
    config: Config,
    inputs: Inputs,
    style: Style,
    maker: Engine,
    workers: int | None,
) -> None:
    """Draw all that is not there yet into an unfinished folder, chunk by chunk."""
    done_file = partial / DONE
    if (partial / MANIFEST).is_file() and not done_file.is_file():
        return  # whole already, but for its name
    done = _prepare(partial, done_file, inputs, maker.size)
    chunks = [start for start in range(0, len(inputs), CHUNK) if start not in done]
    workers = available_cores() if workers is None else workers
    known = min(len(done) * CHUNK, len(inputs))
    with progress(f"drawing faces ({card.name}, {style})", len(inputs), "faces", start=known) as advance:

        def finished(start: int) -> None:
            done.add(start)
            _replace_text(done_file, json.dumps(sorted(done)))
            advance(min(len(done) * CHUNK, len(inputs)))

        if workers <= 1 or len(chunks) <= 1:
            for start in chunks:
                _draw_chunk(maker, partial, start, style)
                finished(start)
        else:
            with Workers(min(workers, len(chunks)), _start_worker, (card, config, str(partial), style)) as pool:
                try:
                    waiting = {pool.submit(_work, start): start for start in chunks}
                    while waiting:
                        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                            future.result()
                            finished(waiting.pop(future))
                except BrokenProcessPool:
                    how = next(iter(pool.deaths().values()), "ended early")
                    raise UserError(
                        f"a process that drew faces of the engine {card.name!r} {how}; {len(done) * CHUNK} of "
                        f"{len(inputs)} faces are kept. If memory was short, draw with fewer --workers",
                        code="worker-died",
                    ) from None
    sums = {name: _checksum(np.load(partial / f"{name}.npy", mmap_mode="r")) for name in (*OUTPUTS, "vectors")}
    _replace_text(partial / MANIFEST, json.dumps({**facts, "sha256": sums}, indent=1))
    done_file.unlink()


def _begun(partial: Path) -> bool:
    """Whether an unfinished pool has its arrays, so that drawing can go on."""
    return (partial / DONE).is_file() or (partial / MANIFEST).is_file()


def _prepare(partial: Path, done_file: Path, inputs: Inputs, size: int) -> set[int]:
    """Empty arrays for a new pool, or the chunks that an earlier, killed rendering had finished."""
    if done_file.is_file():
        return set(json.loads(done_file.read_text()))
    for name in ("vectors", "looks", "shots", "nuisance"):
        save_array(partial / f"{name}.npy", getattr(inputs, name))
    count = len(inputs)
    shapes: dict[str, tuple[Any, tuple[int, ...]]] = {
        "images": (np.uint8, (count, size, size, 3)),
        "parsing": (np.uint8, (count, size, size)),
        "landmarks": (np.float32, (count, 68, 2)),
    }
    for name, (kind, shape) in shapes.items():
        new_array(partial / f"{name}.npy", kind, shape)
    _replace_text(done_file, "[]")
    return set()


_worker: tuple[Engine, Path, Style]


def _start_worker(card: Component, config: Config, partial: str, style: Style) -> None:
    """One thread per process: the processes are the parallelism."""
    global _worker
    import torch

    torch.set_num_threads(1)
    _worker = (_construct(card, config), Path(partial), style)


def _work(start: int) -> None:
    engine, partial, style = _worker
    _draw_chunk(engine, partial, start, style)


def _draw_chunk(engine: Engine, partial: Path, start: int, style: Style) -> None:
    import torch

    from aubench.parameters import FacialParameters

    rows = slice(start, start + CHUNK)
    given = {n: np.array(np.load(partial / f"{n}.npy", mmap_mode="r")[rows]) for n in ("vectors", "looks", "shots")}
    nuisance = np.array(np.load(partial / "nuisance.npy", mmap_mode="r")[rows])
    looks = None if (given["looks"] < 0).all() else given["looks"].tolist()
    parameters = FacialParameters.from_vector(torch.from_numpy(given["vectors"]))
    drawn = engine.draw(
        parameters,
        style=style,
        looks=looks,
        shots=given["shots"].tolist(),
        nuisance=nuisance if nuisance.any() else None,
    )
    if drawn.parsing is None or drawn.landmarks is None:
        raise UserError(
            f"{type(engine).__name__} draws no parsing map or landmarks; pretraining needs both",
            code="plugin-unsupported",
        )
    image = (drawn.image.clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1)
    for name, value in (("images", image), ("parsing", drawn.parsing), ("landmarks", drawn.landmarks)):
        target = np.load(partial / f"{name}.npy", mmap_mode="r+")
        target[rows] = value.numpy()
        target.flush()


def _replace_text(path: Path, text: str) -> None:
    from aubench.files import atomic_write_text

    atomic_write_text(path, text)
