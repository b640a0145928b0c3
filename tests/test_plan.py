"""The plan computes what the chosen losses need, each quantity once, and nothing else."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from refusals import refused

from aubench import discovery
from aubench.component import Config
from aubench.contracts import REGIONS, Drawn, Features
from aubench.parameters import SIZE, FacialParameters
from aubench.plan import make_plan, needs
from aubench.quantities import QUANTITIES
from aubench_training.providers import TRAINED, standard_providers

PAPER = ("ct", "id", "lp", "pr", "adv")
CACHED = ("image", "features", "embedding", "sampled_parameters", "sampled_features")


class Counting:
    """Networks that count their forward passes."""

    def __init__(self) -> None:
        self.passes: Counter[str] = Counter()
        self.weight = torch.nn.Parameter(torch.full((SIZE,), 0.1))

    def draw(self, parameters: FacialParameters) -> Drawn:
        self.passes["generator"] += 1
        return Drawn(parameters.vector()[:, :48].reshape(-1, 3, 4, 4))

    def features(self, image: torch.Tensor) -> Features:
        self.passes["extractor"] += 1
        return Features(image, dict.fromkeys(REGIONS, image))

    def embed(self, image: torch.Tensor) -> torch.Tensor:
        self.passes["recogniser"] += 1
        return image.flatten(1)

    def regress(self, features: Features, domain: str = "drawn") -> FacialParameters:
        self.passes["regressor"] += 1
        return FacialParameters.from_vector(torch.sigmoid(self.weight + features.fused.mean(dim=(1, 2, 3))[:, None]))

    def providers(self, recogniser: bool = True):
        return standard_providers(
            lambda: self, lambda: self, (lambda: self) if recogniser else None, *[self.regress] * 4
        )


def plan_for(network: Counting, *names: str, given=CACHED, recogniser: bool = True):
    losses = {name: discovery.build("loss", name) for name in names}
    given = [word for word in given if recogniser or word != "embedding"]
    return make_plan(losses, network.providers(recogniser), given, trained=TRAINED)


def batch() -> dict[str, object]:
    image = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    return {
        "image": image,
        "features": Features(image, dict.fromkeys(REGIONS, image)),
        "embedding": image.flatten(1),
    }


# Forward passes of a step, not counting the base face, which is made once per run: (G, F_seg, F_reg, R).
EXPECTED = {
    ("pr",): (0, 0, 0, 1),
    ("ct",): (1, 1, 0, 1),
    ("id",): (1, 0, 1, 1),
    ("adv",): (1, 1, 0, 1),
    ("lp",): (2, 2, 0, 3),
    ("ct", "pr"): (1, 1, 0, 1),
    ("id", "adv"): (1, 1, 1, 1),
    ("lp", "adv"): (2, 2, 0, 3),
    ("ct", "lp"): (3, 3, 0, 3),
    PAPER: (3, 3, 1, 3),
}


@pytest.mark.parametrize("names", EXPECTED, ids="+".join)
def test_forward_passes_per_loss_subset(names):
    network = Counting()
    plan = plan_for(network, *names)
    once = (1, 1, 0, 0) if "adv" in names else (0, 0, 0, 0)
    for step in range(3):
        network.passes.clear()
        plan.terms(plan.run(batch()))
        found = tuple(network.passes[n] for n in ("generator", "extractor", "recogniser", "regressor"))
        extra = once if step == 0 else (0, 0, 0, 0)
        assert found == tuple(a + b for a, b in zip(EXPECTED[names], extra, strict=True))


def test_without_cached_features_they_are_computed_once_for_all_losses():
    network = Counting()
    plan = plan_for(network, *PAPER, given=("image",))
    assert plan.given == ("image",)
    plan.run(batch())
    network.passes.clear()
    plan.run(batch())
    assert (network.passes["extractor"], network.passes["recogniser"]) == (4, 2)


def test_a_batch_needs_to_hold_only_what_is_used():
    network = Counting()
    assert plan_for(network, "pr").given == ("features",)
    assert set(plan_for(network, *PAPER).given) == {"features", "embedding"}


def test_every_gradient_reaches_the_regressor():
    for name in PAPER:
        network = Counting()
        plan = plan_for(network, name)
        (term,) = plan.terms(plan.run(batch())).values()
        term.backward()
        assert network.weight.grad is not None
        assert network.weight.grad.abs().sum() > 0, name


def test_missing_quantity_names_loss_chain_and_what_can_be_made():
    with refused("plan-invalid", "loss 'id' -> embedding", "drawn"):
        plan_for(Counting(), "ct", "id", recogniser=False)


def test_missing_input_of_a_provider_is_named_with_its_chain():
    with refused("plan-invalid", "loss 'ct' -> features -> image"):
        plan_for(Counting(), "ct", given=())


def test_positional_parameter_and_circle_are_refused():
    with refused("plan-invalid", "'image'"):
        needs(lambda image: image)

    def chicken(egg):
        return egg

    def egg(chicken):
        return chicken

    with refused("plan-invalid", "chicken -> egg -> chicken"):
        make_plan({"x": lambda *, chicken: chicken}, {"chicken": chicken, "egg": egg}, ())


def test_optional_quantity_is_used_if_made_but_never_made():
    made = []

    def double(image):
        made.append(1)
        return 2 * image

    def polite(*, image, double=None):
        return 0 if double is None else double

    alone = make_plan({"polite": polite}, {"double": double}, ["image"])
    assert alone.terms(alone.run({"image": 3})) == {"polite": 0}
    assert not made
    both = make_plan({"polite": polite, "eager": lambda *, double: double}, {"double": double}, ["image"])
    assert both.terms(both.run({"image": 3})) == {"polite": 6, "eager": 6}
    assert len(made) == 1


def test_a_loss_may_bring_a_word_of_its_own():
    class Brings:
        providers = {"half": lambda image: image / 2}  # noqa: RUF012

        def __call__(self, *, half):
            return half

    plan = make_plan({"brings": Brings()}, {}, ["image"])
    assert plan.terms(plan.run({"image": 3.0})) == {"brings": 1.5}


def test_every_word_that_losses_and_providers_use_is_documented():
    words = {w for name in discovery.components("loss") for w in needs(discovery.build("loss", name))[0]}
    assert words | set(Counting().providers()) <= set(QUANTITIES)


def test_losses_take_no_option_they_do_not_know():

    assert isinstance(discovery.find("loss", "ct").config(), Config)
    with refused("config-invalid", "lambda_le"):
        discovery.build("loss", "lp", {"lamda_le": 2.0})
