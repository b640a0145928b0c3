"""What a class is, read off its methods and signature: which kind of plugin, and which options it takes."""

from __future__ import annotations

import inspect
from types import ModuleType

from aubench.component import KINDS, Config, Kind
from aubench.errors import UserError, did_you_mean

_METHODS: dict[Kind, tuple[str, ...]] = {
    "renderer": ("draw",),
    "extractor": ("features",),
    "dataset": ("frames", "read_labels"),
    "recogniser": ("embed",),
    "estimator": ("fit", "predict"),
}
"""Methods that tell a kind. A loss and a regressor have none: they are told by how they are called."""
_CONTEXT: dict[Kind, tuple[str, ...]] = {"regressor": ("shapes",)}


def kind_of(found: type, title: str) -> Kind:
    """The kind of a class: what its attribute ``kind`` says, else the only one whose contract it fulfils. Raises
    :class:`UserError` where that is none or several."""
    said = getattr(found, "kind", None)
    if isinstance(said, str):
        if said not in KINDS:
            raise UserError(
                f"--plugin {title}: its attribute kind is {said!r}. {did_you_mean(said, KINDS)}", code="plugin-invalid"
            )
        return next(kind for kind in KINDS if kind == said)
    kinds = kinds_of(found)
    if len(kinds) == 1:
        return kinds[0]
    why = f"it may be {' or '.join(kinds)}" if kinds else "it has the methods of none (see aubench.contracts)"
    raise UserError(
        f'--plugin {title}: its kind is not clear: {why}; declare it in the class, such as kind = "extractor"',
        code="plugin-invalid",
    )


def kinds_of(found: type) -> list[Kind]:
    """Kinds whose contract the class may fulfil. What it gets in ``__init__`` only, nobody can see here."""
    kinds = [kind for kind, names in _METHODS.items() if all(callable(getattr(found, name, None)) for name in names)]
    if kinds:
        return kinds
    # nn.Module's __call__ tells nothing; what it calls does.
    called = getattr(found, "forward", None) or inspect.getattr_static(found, "__call__", None)
    if not inspect.isfunction(called):
        return []
    inputs = list(inspect.signature(called).parameters.values())[1:]
    if inputs and all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in inputs):
        return ["loss"]
    takes = inspect.signature(found).parameters
    if len(inputs) == 1 and "shapes" in takes:
        return ["regressor"]
    return []


def config_of(found: type, module: ModuleType, title: str, kind: Kind) -> type[Config]:
    """The options of a class, by the annotation of its first argument; without one, it has none. Raises
    :class:`UserError` for a class that cannot be called as the kind's factory is."""
    signature = inspect.signature(found)
    context = dict.fromkeys(_CONTEXT.get(kind, ()))
    try:
        signature.bind(None, **context)
    except TypeError as error:
        call = ", ".join(("config", *(f"{name}={name}" for name in context)))
        raise UserError(
            f"--plugin {title}: cannot be constructed as {found.__name__}({call}): {error}", code="plugin-invalid"
        ) from None
    first = next(iter(signature.parameters.values()))
    annotation = first.annotation
    if isinstance(annotation, str):
        annotation = getattr(module, annotation, None)
    if annotation is inspect.Parameter.empty:
        return Config
    if not (isinstance(annotation, type) and issubclass(annotation, Config)):
        raise UserError(
            f"--plugin {title}: {first.name} is annotated with {first.annotation!r}, which is not a subclass of "
            "aubench.component.Config",
            code="plugin-invalid",
        )
    return annotation
