"""What the commands on data sets share: their options, and the data sets and stores that these mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from aubench.assignments import setting, split
from aubench.errors import UserError

if TYPE_CHECKING:
    from aubench.data.dataset import PreparedDataset
    from aubench.data.frame_store import FrameStore


def placed(
    names: list[str],
    parts: list[dict[str, Any]],
    roots: list[str] | None,
    splits: list[str] | None,
    *,
    store: Path | None,
    allow_leakage: bool,
) -> list[dict[str, Any]]:
    """Data sets of a run's config with where they lie and how they are split, as the command line says. Raises
    ``UserError`` for a root or split of a data set that is not asked for, or that has none."""
    from aubench import discovery
    from aubench.data.prepared import PreparedConfig

    given = {"root": roots_in(roots, names), "split": pairs_in("--split", splits, names)}
    out = []
    for name, part in zip(names, parts, strict=True):
        prepared = issubclass(discovery.find("dataset", part["name"]).config, PreparedConfig)
        own: dict[str, Any] = {key: values[name] for key, values in given.items() if name in values}
        if own and not prepared:
            raise UserError(
                f"--{next(iter(own))} {name}=...: data set {name!r} is not read from an original folder",
                code="plugin-unsupported",
            )
        if prepared:
            own |= {"store": str(store)} if store is not None else {}
            own |= {"allow_leakage": True} if allow_leakage else {}
        out.append({**part, "config": {**part["config"], **own}})
    return out


def dataset_of(name: str, options: dict[str, dict[str, Any]]) -> PreparedDataset:
    """A data set made of a reader, by name. Raises ``UserError`` for one that is not."""
    from aubench import discovery, registry
    from aubench.data.dataset import PreparedDataset

    plugin, config = registry.resolve("dataset", name)
    made = discovery.build("dataset", plugin, {**config, **options.get(name, {})})
    if not isinstance(made, PreparedDataset):
        raise UserError(
            f"data set {name!r} is not read from an original folder, so there is nothing to prepare",
            code="plugin-unsupported",
        )
    return made


def names_in(text: str) -> list[str]:
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise UserError("name at least one data set, such as disfa", code="option-missing")
    return names


def roots_in(roots: list[str] | None, names: list[str]) -> dict[str, str]:
    """``--root NAME=DIR`` options by name."""
    found = {}
    for entry in roots or []:
        if "=" not in entry and len(names) == 1:  # of one data set, the folder alone is clear
            found[names[0]] = entry
            continue
        name, folder = split("--root", entry, "disfa=/data/DISFA", form="NAME=DIR", empty=True)
        _require_asked_for("--root", entry, name, names)
        found[name] = folder
    return found


def pairs_in(option: str, entries: list[str] | None, names: list[str]) -> dict[str, str]:
    """``NAME=VALUE`` options by name."""
    found = {}
    for entry in entries or []:
        name, value = split(option, entry, "disfa=paper")
        _require_asked_for(option, entry, name, names)
        found[name] = value
    return found


def options_in(settings: list[str] | None, names: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """``--set NAME.KEY=VALUE`` options by name."""
    found: dict[str, dict[str, Any]] = {}
    for entry in settings or []:
        key, value = setting(entry, "disfa.camera=right", form="NAME.KEY=VALUE")
        name, dot, option = key.partition(".")
        if not dot:
            raise UserError(f"--set {entry}: write NAME.KEY=VALUE, such as disfa.camera=right", code="option-invalid")
        if names is not None:
            _require_asked_for("--set", entry, name, names)
        found.setdefault(name, {})[option] = value
    return found


def _require_asked_for(option: str, entry: str, name: str, names: list[str]) -> None:
    if name not in names:
        raise UserError(
            f"{option} {entry}: data set {name!r} is not asked for; asked for: {', '.join(names)}",
            code="option-invalid",
        )


def require_folder(root: Path, option: str) -> None:
    if not root.is_dir():
        raise UserError(
            f"{option}: {root} {'is not a folder' if root.exists() else 'does not exist'}", code="file-missing"
        )


def parent_of(store: Path | str | None) -> Path:
    from aubench.data.frame_store import default_parent

    return Path(store) if store else default_parent()


def stores_in(store: Path | None, names: list[str] | None) -> list[FrameStore]:
    from aubench.data.frame_store import CARD, FrameStore

    parent = parent_of(store)
    found = [FrameStore(path.parent) for path in sorted(parent.glob(f"*/{CARD}"))]
    chosen = [each for each in found if names is None or each.card.dataset in names]
    if lacking := [name for name in names or [] if all(each.card.dataset != name for each in chosen)]:
        raise UserError(
            f"data set {lacking[0]!r}: no prepared store in {parent}; run `aubench data prepare`",
            code="dataset-not-prepared",
        )
    if not chosen:
        raise UserError(f"{parent}: no prepared store; run `aubench data prepare`", code="dataset-not-prepared")
    return chosen
