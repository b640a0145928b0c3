"""What every plugin promises, whatever its kind.

A suite is a plain class whose ``test_*`` methods are the checks, so that pytest collects a subclass
(``class TestMine(ExtractorSuite): plugin = "mine"``) and ``aubench plugins check`` needs no pytest.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import pickle
import subprocess
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from aubench import discovery
from aubench.component import Component, Config, Kind
from aubench.errors import UserError
from aubench.processes import python

from . import process, worker
from .cost import measure
from .promise import expect, skip
from .values import Answers, copies, difference, leaves, seeded

HEAVY = ("torch", "numba", "timm", "pandas", "cv2", "matplotlib", "sklearn", "tensorflow", "jax")
"""What a module of cards must not import: every command pays for it, `aubench --help` too."""
UNKNOWN = "no_such_option"
EXACT = 1e-6
"""Differences, as fractions of the largest number, that two calls of the same code may have."""


class Suite:
    """Base of all suites. Set ``plugin`` (and ``config``), or override :meth:`make`.

    A check raises :class:`aubench.testing.promise.Broken` with what to mend, or ``unittest.SkipTest`` with the reason.
    """

    kind: ClassVar[Kind]
    plugin: ClassVar[str] = ""
    """Name of the installed component, as `aubench plugins list` shows it."""
    config: ClassVar[Mapping[str, object]] = {}
    """Its options; small ones make quick tests."""
    batch: ClassVar[int] = 3
    """Faces in an example."""
    measured: ClassVar[dict[str, float]]
    """What was measured, by name with its unit; filled by :meth:`test_time_and_memory`."""

    # --- what a suite of one kind says --------------------------------------------------------------------------------

    def context(self) -> dict[str, object]:
        """Keyword arguments that the factory is promised besides its config."""
        return {}

    def example(self, seed: int = 0) -> Any:
        """An input of ``batch`` faces."""
        raise NotImplementedError

    @staticmethod
    def answer(made: Any, example: Any) -> Answers:
        """What the plugin ``made`` of it, by name."""
        raise NotImplementedError

    # --- what plugins are made of -------------------------------------------------------------------------------------

    @property
    def card(self) -> Component:
        """The plugin's card. Skips the check where :meth:`make` is overridden and nothing is installed."""
        if not self.plugin:
            skip("no plugin is named: this suite makes the object itself")
        return discovery.find(self.kind, self.plugin)

    def make(self) -> Any:
        """A new one. Override it to test what no card offers yet."""
        return discovery.build(self.kind, self.plugin, self.config, **self.context())

    def fresh(self, seed: int = 0) -> Any:
        """A new one whose random weights come from ``seed``."""
        with seeded(seed):
            return self.make()

    @property
    def built(self) -> Any:
        """One for all checks that leave it as it is."""
        kept = vars(type(self)).get("_built")
        if kept is None:
            type(self)._files = process.names_here()  # type: ignore[attr-defined]
            kept = self.fresh()
            with contextlib.suppress(Exception):
                type(self)._unused = copy.deepcopy(kept)  # type: ignore[attr-defined]
            type(self)._built = kept  # type: ignore[attr-defined]
        return kept

    def copy(self) -> Any:
        """:attr:`built` as it was before its first use, to move and change; a new one where it cannot be copied."""
        _ = self.built
        unused = vars(type(self)).get("_unused")
        return self.fresh() if unused is None else copy.deepcopy(unused)

    def steady(self) -> tuple[Any, Answers]:
        """An example and the answer to it. Skips where two answers differ, since then nothing else can be told."""
        example = self.example()
        first, second = self._two_calls(example)
        if difference(first, second, EXACT):
            skip("two calls on the same input differ, see test_two_calls_agree")
        return example, first

    def _two_calls(self, example: Any) -> tuple[Answers, Answers]:
        kept: tuple[Answers, Answers] | None = vars(type(self)).get("_answers")
        if kept is None:
            first = _own(self.answer(self.built, example))  # a copy: another check asks whether answers stay
            kept = first, _own(self.answer(self.built, example))
            type(self)._answers = kept  # type: ignore[attr-defined]
        return kept

    @property
    def options(self) -> Config:
        return discovery.configure(self.card, self.config)

    # --- checks -------------------------------------------------------------------------------------------------------

    def test_is_built(self) -> None:
        """The factory makes an object with every member of its protocol."""
        expect(self.built is not None, "the factory returned None")

    def test_card_imports_nothing_heavy(self) -> None:
        """The module of cards leaves torch and the like alone until something is built."""
        card = self.card
        home = (
            card.config.__module__ if card.config is not Config else card.factory.partition(":")[0].rpartition(".")[0]
        )
        if not home or home in ("__main__", card.factory.partition(":")[0]):
            skip("cards and code lie in one module, which is fine for a quick try only")
        code = f"import sys, {home}\nprint('|', *(n for n in {HEAVY!r} if n in sys.modules))"
        environment = worker.environment()
        found = subprocess.run(
            python("-c", code), capture_output=True, text=True, timeout=600, env=environment, check=False
        )
        expect(found.returncode == 0, f"{home} cannot be imported alone: {found.stderr.strip()[-200:]}")
        heavy = found.stdout.rpartition("|")[2].split()
        expect(not heavy, f"{home} imports {', '.join(heavy)}; import it in the module of the factory instead")

    def test_config_survives_a_round_trip(self) -> None:
        """The options, written as JSON and read again, are the same options."""
        options = self.options
        again = type(options).model_validate_json(options.model_dump_json())
        changed = [name for name in type(options).model_fields if getattr(options, name) != getattr(again, name)]
        expect(not changed, f"options {', '.join(changed)} change when they are written as JSON and read again")

    def test_unknown_option_is_refused(self) -> None:
        """A misspelt option is a ``UserError`` that names it, not a silent default."""
        card = self.card
        try:
            discovery.configure(card, {**self.config, UNKNOWN: 1})
        except UserError as error:
            expect(UNKNOWN in str(error), f"the complaint about option {UNKNOWN!r} does not name it: {error}")
        else:
            expect(False, f'option {UNKNOWN!r} is silently accepted; keep extra="forbid" of aubench\'s Config')

    def test_two_calls_agree(self) -> None:
        """The same input gives the same answer."""
        gap = difference(*self._two_calls(self.example()), EXACT)
        expect(not gap, f"two calls on the same input differ: {gap}")

    def test_keeps_no_state(self) -> None:
        """Nothing of one call is left for the next: after A, B is as for a new one, and A is A again."""
        (one, first), other = self.steady(), self.example(1)
        made = self.copy()
        alone = self.answer(self.copy(), other)
        self.answer(made, one)
        between = self.answer(made, other)
        gap = difference(alone, between, EXACT)
        expect(not gap, f"another input answered before changes the answer, so that it keeps state: {gap}")
        gap = difference(first, self.answer(made, one), EXACT)
        expect(not gap, f"A, then B, then A again gives another A, so that it keeps state: {gap}")

    def test_equal_seeds_agree(self) -> None:
        """Built and called twice from the same seed, it answers the same."""
        example, answers = self.example(), []
        for _ in range(2):
            with seeded(7):
                answers.append(self.answer(self.make(), example))
        gap = difference(answers[0], answers[1], EXACT)
        expect(not gap, f"two of the same seed differ: {gap}; draw from torch's or NumPy's generator, never the clock")

    def test_leaves_its_input_alone(self) -> None:
        """The input is not written to."""
        example = self.example()
        if not leaves(example):
            skip("its input holds no numbers")
        before = copies(example)
        self.answer(self.built, example)
        gap = difference(before, leaves(example), 0.0)
        expect(not gap, f"it writes into its input: {gap}")

    def test_answers_are_the_callers_own(self) -> None:
        """An answer may be kept and written to: the next call leaves it alone, it shares no memory with the input, with
        weights or with another answer, and each of its numbers has a place of its own."""
        example = self.example()
        first = self.answer(self.built, example)
        before = _own(first)
        other = self.answer(self.built, self.example(1))
        gap = difference(before, first, 0.0)
        expect(not gap, f"the next call changes an answer that was given before: {gap}; return a new tensor")
        for name, tensor in first.items():
            spread = [size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if size > 1 > stride]
            expect(not spread, f"{name} is an expanded view, which cannot be written to; end with .clone()")
        weights = list(self.built.parameters()) + list(self.built.buffers()) if hasattr(self.built, "buffers") else []
        owners = {"its input": leaves(example).values(), "its weights": weights, "the answer before": other.values()}
        for owner, tensors in owners.items():
            places = {tensor.untyped_storage().data_ptr() for tensor in tensors} - {0}
            shared = [name for name, tensor in first.items() if tensor.untyped_storage().data_ptr() in places]
            expect(not shared, f"{', '.join(shared)} shares memory with {owner}; return a new tensor")

    def test_leaves_the_process_as_it_was(self) -> None:
        """Building and calling it changes no setting of the process (gradient mode, default dtype, threads, cuDNN,
        working directory), sets no global seed, and writes nothing into the working directory or the environment."""
        _, example = self.built, self.example()
        with process.restored():
            torch.set_grad_enabled(True)
            before = process.settings()
            made = self.fresh()
            self.answer(made, example)
            changed = process.changed(before)
            expect(not changed, f"it changes {'; '.join(changed)} for the whole process; use a context manager")
            variables = dict(os.environ)
            seeds = process.reseeded(lambda: self.answer(made, example))
            expect(not seeds, f"a call seeds the global generator of {', '.join(seeds)}; use a generator of its own")
            new = sorted(name for name in os.environ if os.environ[name] != variables.get(name))
            expect(not new, f"a call sets the environment variables {', '.join(new)}")
        written = sorted(process.names_here() - vars(type(self))["_files"])
        expect(not written, f"it writes {', '.join(written[:3])} into the working directory")

    def test_is_silent(self) -> None:
        """A call prints nothing on stdout and warns of nothing, the first one excepted."""
        example, said = self.example(), io.StringIO()
        self.answer(self.built, example)
        with warnings.catch_warnings(record=True) as heard, contextlib.redirect_stdout(said):
            warnings.simplefilter("always")
            self.answer(self.built, example)
        told = said.getvalue().strip()
        expect(not told, f"it prints at every call: {told[:80]!r}; use logging, or stderr once")
        first = next((f"{each.category.__name__}: {str(each.message)[:120]}" for each in heard), "")
        expect(not heard, f"it warns at every call: {first}")

    def test_leaves_its_options_alone(self) -> None:
        """Lists and dictionaries in its options are not written to."""
        options = self.options
        before = options.model_dump_json()
        with seeded(0):
            made = discovery.build(self.kind, self.plugin, options, **self.context())
        self.answer(made, self.example())
        expect(options.model_dump_json() == before, "it writes into its options; copy a list or dictionary first")

    def test_reaches_worker_processes(self) -> None:
        """Card and object travel to a new process (spawn), and both answer there as here."""
        example, made = self.steady()[0], self.fresh()
        try:
            parcel = pickle.dumps(made)
        except Exception as error:
            expect(False, f"it cannot be pickled for a worker process: {type(error).__name__}: {error}")
        here = self.answer(made, example)
        repeats = not difference(here, self.answer(self.fresh(), example), EXACT)  # else another check says so
        card = self.card if self.plugin and repeats else None
        there = worker.ask(type(self).answer, card, dict(self.config), self.context(), parcel, example)
        for what, answer in there.items():
            gap = difference(here, answer, 1e-4)
            expect(not gap, f"the {what} answers otherwise in a worker process: {gap}")

    def test_time_and_memory(self) -> None:
        """Measures, and never fails for being slow: milliseconds a face, peak memory."""
        made, example = self.built, self.example()
        cost = measure(lambda: self.answer(made, example))
        numbers = {"ms_per_face": 1000 * cost.seconds / self.batch}
        if cost.peak_mib is not None:
            numbers["peak_mib"] = cost.peak_mib
        type(self).measured = numbers | self.size_of(made)
        told = ", ".join(f"{name} {value:.4g}" for name, value in type(self).measured.items())
        print(f"{self.kind} {self.plugin or type(made).__name__}, {self.batch} faces a call: {told}")

    def size_of(self, made: Any) -> dict[str, float]:
        """More numbers about it, for the report."""
        parameters = getattr(made, "parameters", None)
        if not callable(parameters):
            return {}
        try:
            return {"million_weights": sum(p.numel() for p in parameters()) / 1e6}
        except TypeError:  # a method of that name with another meaning
            return {}


def _own(answers: Answers) -> Answers:
    """Copies that nothing can change."""
    return {name: tensor.detach().clone() for name, tensor in answers.items()}
