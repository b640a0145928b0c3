"""Draws the diagrams of the docs: ``python docs/figures/diagrams.py``, from the repository's root.

``step.svg`` and ``loss.svg`` are drawn from real plans (:func:`aubench.plan.make_plan`): only the places of the boxes
are written here, and a word that has none is an error. ``house.svg`` shows the source roots and who imports whom.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT, ACROSS, DOWN = 138, 48, 160, 66
"""Size of a box, and the distance of boxes."""
NARROW, GAP = 112, 9
"""Width of a loss's box, and how far from boxes a line passes."""
GIVEN = ("image", "features", "embedding", "sampled_parameters", "sampled_features")

COLOURS = ("ink", "soft", "line", "paper", "batch", "frozen", "trained", "loss", "made")
LIGHT = ("#1b2733", "#566675", "#7d8b99", "#fff", "#eef1f4", "#dbe9f7", "#fbdfc8", "#dff0d8", "#fff")
DARK = ("#e6ecf2", "#a9b6c3", "#7f8d9b", "#1e2129", "#2a323a", "#1f3d5c", "#5c3717", "#2a4a25", "#262b34")


def palette(values: Sequence[str]) -> str:
    return ";".join(f"--{name}:{value}" for name, value in zip(COLOURS, values, strict=True))


SANS = 'system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif'
MONO = 'ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace'
FILLS = "".join(f"svg.diagram .{name}{{fill:var(--{name})}}" for name in ("batch", "frozen", "trained", "loss", "made"))
# By itself a drawing follows the system, within the site the site's own switch, on paper it is light.
STYLE = f"""
svg.diagram{{{palette(LIGHT)};font-family:{SANS}}}
@media (prefers-color-scheme:dark){{svg.diagram{{{palette(DARK)}}}}}
[data-md-color-scheme="default"] svg.diagram{{{palette(LIGHT)}}}
[data-md-color-scheme="slate"] svg.diagram{{{palette(DARK)}}}
@media print{{svg.diagram,[data-md-color-scheme] svg.diagram{{{palette(LIGHT)}}}}}
svg.diagram rect{{stroke:var(--line);stroke-width:1.3}} {FILLS}
svg.diagram .paper{{fill:var(--paper);stroke:none}} svg.diagram .open{{fill:none;stroke-dasharray:5 4}}
svg.diagram path{{fill:none;stroke:var(--line);stroke-width:1.6}} svg.diagram .tip{{fill:var(--line);stroke:none}}
svg.diagram .asks{{stroke-dasharray:5 4}} svg.diagram .end{{text-anchor:end}}
svg.diagram text{{fill:var(--ink);font-size:15px}} svg.diagram .soft{{fill:var(--soft);font-size:13px}}
svg.diagram .title{{font-size:17px;font-weight:600}} svg.diagram .code{{font-family:{MONO};font-size:13.5px}}
"""

NETWORK = {"features": "F_seg", "drawn": "G", "embedding": "F_reg", "readback": "R", "parameters": "R"}
"""Who makes a word, by its last part."""


def text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}">{html.escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7" class="{kind}"/>'


def arrow(points: Sequence[tuple[float, float]], kind: str = "") -> str:
    """A line through the points; between two that lie askew, a curve that is level at both ends."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    if len(points) == 2 and x0 != x1 and y0 != y1:
        half = (x1 - x0) / 2
        line = f"M{x0:g} {y0:g}C{x0 + half:g} {y0:g} {x1 - half:g} {y1:g} {x1 - 7:g} {y1:g}"
    else:
        line = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    before = points[-2]
    if before[0] == x1:  # upright
        way = 1 if y1 > before[1] else -1
        tip = f"M{x1:g} {y1:g}l-5 {-9 * way}h10z"
    else:
        way = 1 if x1 > before[0] else -1
        tip = f"M{x1:g} {y1:g}l{-9 * way} -5v10z"
    return f'<path d="{line}" class="{kind}"/><path d="{tip}" class="tip"/>'


def drawing(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" class="diagram" role="img">'
    about = f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
    return "\n".join([head, about, box(0, 0, width, height, "paper"), *parts, "</svg>\n"])


def plan_of(losses: Sequence[str]) -> Any:
    """The plan of these losses, resolved by the same code that a run uses; no network is built."""
    from aubench.discovery import build
    from aubench.plan import make_plan
    from aubench_training.additions import SampledLoopback
    from aubench_training.config import Sampled
    from aubench_training.providers import TRAINED, standard_providers

    nothing: Any = object()
    providers = standard_providers(
        lambda: nothing, lambda: nothing, lambda: nothing, nothing, nothing, nothing, nothing
    )
    chosen = {name: SampledLoopback(Sampled()) if name == "sampled" else build("loss", name) for name in losses}
    return make_plan(chosen, providers, GIVEN, trained=TRAINED)


def graph(
    plan: Any,
    places: Mapping[str, tuple[float, float]],
    top: float,
    left: float = 10,
    ways: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> list[str]:
    """Boxes and arrows of a plan. ``places``: column and row of every word and loss (as ``loss ct``); ``ways``: how an
    arrow goes round boxes (over or under them, down the gap behind its source, or first down and then across)."""

    def corner(name: str) -> tuple[float, float]:
        if name not in places:
            raise KeyError(f"{name} has no place in the drawing; give it one")
        column, row = places[name]
        return left + column * ACROSS, top + row * DOWN

    def edge(source: str, target: str) -> str:
        (x0, y0), (x1, y1) = corner(source), corner(target)
        wide = NARROW if target.startswith("loss") else WIDTH
        middle0, middle1, centre0, centre1 = y0 + HEIGHT / 2, y1 + HEIGHT / 2, x0 + WIDTH / 2, x1 + wide / 2
        gap = x0 + (WIDTH + ACROSS) / 2
        match ways.get((source, target)):
            case "over":
                return arrow([(centre0, y0), (centre0, y0 - GAP), (centre1, y0 - GAP), (centre1, y1)])
            case "under":
                low = y0 + HEIGHT + GAP
                return arrow([(centre0, y0 + HEIGHT), (centre0, low), (centre1, low), (centre1, y1 + HEIGHT)])
            case "behind":
                return arrow([(x0 + WIDTH, middle0), (gap, middle0), (gap, middle1), (x1, middle1)])
            case "down":
                return arrow([(centre0, y0 + HEIGHT), (centre0, middle1), (x1, middle1)])
            case "across":
                return arrow([(x0 + WIDTH, middle0), (centre1, middle0), (centre1, y1 + HEIGHT)])
        return arrow([(x0 + WIDTH, middle0), (x1, middle1)])

    lines: list[str] = []
    boxes: list[str] = []
    for name in plan.given:
        boxes += word(name, *corner(name), "batch", "batch")
    for step in plan.steps:
        lines += [edge(source, step.name) for source in step.inputs]
        boxes += word(step.name, *corner(step.name), *kind_of(step))
    for name, words in plan.words.items():
        x, y = corner(f"loss {name}")
        lines += [edge(source, f"loss {name}") for source in words]
        shown = "loopback" if name == "sampled" else name
        boxes += [box(x, y, NARROW, HEIGHT, "loss"), text(x + 14, y + 30, shown, "title")]
    return lines + boxes


def kind_of(step: Any) -> tuple[str, str]:
    """The colour of a step's box, and who makes it."""
    network = NETWORK.get(step.name.rsplit("_", 1)[-1], "") if step.inputs else ""
    if step.name == "parameters" or step.name.endswith("readback"):
        return "trained", "R"
    once = ["once"] if step.constant else []
    return ("frozen" if network else "made"), ", ".join([*([network] if network else []), *once])


def word(name: str, x: float, y: float, kind: str, maker: str) -> list[str]:
    first, _, last = name.rpartition("_")
    parts = [box(x, y, WIDTH, HEIGHT, kind)]
    if first:
        parts += [text(x + 9, y + 20, f"{first}_", "code"), text(x + 9, y + 38, last, "code")]
    else:
        parts += [text(x + 9, y + 29, name, "code")]
    if maker:
        beside_first = first and len(last) + len(maker) > 14
        parts += [text(x + WIDTH - 8, y + 20 if beside_first else y + 38 if first else y + 29, maker, "soft end")]
    return parts


def step() -> str:
    """The data flow of a step of the default recipe's second phase."""
    places = {
        "features": (0, 0), "parameters": (1, 0), "drawn": (3, 0), "drawn_features": (4, 0), "loss ct": (6, 0),
        "loss pr": (6, 1),
        "emotionless": (2, 2), "emotionless_drawn": (3, 2), "emotionless_features": (4, 2),
        "emotionless_readback": (5, 2), "loss lp": (6, 2.5),
        "unidentified": (2, 3), "unidentified_drawn": (3, 3), "unidentified_features": (4, 3),
        "unidentified_readback": (5, 3),
        "base_parameters": (2, 4), "base_drawn": (3, 4), "base_features": (4, 4), "loss adv": (6, 4),
        "emotionless_embedding": (4, 5), "loss id": (6, 5), "embedding": (0, 6),
        "sampled_features": (0, 7), "sampled_readback": (1, 7), "loss sampled": (6, 7), "sampled_parameters": (0, 8),
    }  # fmt: skip
    ways = {
        ("features", "loss ct"): "over", ("parameters", "loss pr"): "down", ("parameters", "emotionless"): "down",
        ("parameters", "unidentified"): "down", ("emotionless", "loss lp"): "over",
        ("unidentified", "loss lp"): "under",
        ("emotionless_features", "loss adv"): "behind", ("emotionless_drawn", "emotionless_embedding"): "behind",
        ("embedding", "loss id"): "across", ("sampled_parameters", "loss sampled"): "across",
    }  # fmt: skip
    plan = plan_of(["ct", "id", "lp", "pr", "adv", "sampled"])
    parts = graph(plan, places, top=24, ways=ways)
    y = 24 + 9 * DOWN
    legend = [("batch", "brought by the batch"), ("trained", "R, which trains"), ("frozen", "frozen network"),
              ("made", "arithmetic"), ("loss", "loss")]  # fmt: skip
    x = 10.0
    for kind, words in legend:
        parts += [box(x, y, 26, 20, kind), text(x + 34, y + 15, words, "soft")]
        x += 62 + 7.4 * len(words)
    return drawing(10 + 6 * ACROSS + NARROW + 12, y + 32, "The data flow of one training step", parts)


def loss() -> str:
    """What three losses ask for, each alone."""
    parts: list[str] = []
    lanes = [
        ("pr", {"features": (0, 0), "parameters": (1, 0), "loss pr": (2, 0)}),
        ("ct", {"features": (0, 0), "parameters": (1, 0), "drawn": (2, 0), "drawn_features": (3, 0),
                "loss ct": (4, 0)}),
        ("id", {"features": (0, 0), "parameters": (1, 0), "emotionless": (2, 0), "emotionless_drawn": (3, 0),
                "emotionless_embedding": (4, 0), "embedding": (4, 1), "loss id": (5, 0)}),
    ]  # fmt: skip
    top = 34.0
    ways = {("features", "loss ct"): "under"}
    for name, places in lanes:
        parts += [text(10, top - 10, f"--losses {name}", "code")]
        parts += graph(plan_of([name]), places, top, ways=ways)
        top += (max(row for _, row in places.values()) + 1) * DOWN + 34
    return drawing(10 + 5 * ACROSS + NARROW + 12, top - 34, "What pr, ct and id ask for, each alone", parts)


def house() -> str:
    """The source roots, what lies in them, and who imports whom."""
    parts: list[str] = []

    def room(x: float, y: float, width: float, height: float, kind: str, name: str, lines: Sequence[str]) -> None:
        parts.append(box(x, y, width, height, kind))
        parts.append(text(x + 14, y + 26, name, "title"))
        parts.extend(text(x + 14, y + 50 + 20 * row, line, "soft") for row, line in enumerate(lines))

    commands = "train, ablate, run, predict, compare, data, weights, plugins, render, doctor"
    room(20, 16, 980, 66, "made", "aubench.cli", [f"{commands}: imports what it needs when a command runs"])
    room(20, 132, 300, 136, "trained", "aubench_training", [
        "the loop, recipes, caches", "providers: who makes which word", "pretraining of the frozen networks",
        "ablation, matrices of runs",
    ])  # fmt: skip
    room(380, 132, 300, 136, "frozen", "aubench_plugins", [
        "one folder for each plugin:", "bdfm, neural, bisenet, lightcnn,", "fpr, ct, id, lp, pr, adv, synth, disfa ...",
        "none knows another",
    ])  # fmt: skip
    room(740, 132, 260, 136, "open", "your package", [
        "an extractor, a loss, a data set ...", "the same cards, contracts", "and entry points as ours",
        "in a distribution of its own",
    ])  # fmt: skip
    room(20, 330, 980, 106, "batch", "aubench: the core", [
        "contracts, parameters, quantities, plan, metrics, weights, data, results, compare, predict, testing;",
        "knows no plugin by name and imports none;",
        "discovery asks the installed entry points for cards, and imports a plugin's code on first use",
    ])  # fmt: skip
    for x in (170, 530, 870):
        parts += [arrow([(x, 268), (x, 330)]), text(x - 10, 304, "imports", "soft end")]
    for x in (600, 940):
        parts += [arrow([(x, 330), (x, 268)], "asks"), text(x + 10, 304, "asks", "soft")]
    parts.append(arrow([(170, 82), (170, 132)]))
    parts.append(arrow([(350, 82), (350, 330)]))
    return drawing(1020, 452, "The house: command line, training, plugins, core", parts)


def main() -> None:
    for name, draw in {"house": house, "step": step, "loss": loss}.items():
        (HERE / f"{name}.svg").write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
