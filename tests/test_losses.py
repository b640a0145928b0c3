"""The five losses against their equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aubench import discovery
from aubench.contracts import REGIONS, Features
from aubench.parameters import BASE_AU, FacialParameters


def features(seed: int, b: int = 2) -> Features:
    dice = torch.Generator().manual_seed(seed)
    sizes = {"eyes": (4, 8, 8), "brows": (4, 8, 8), "nose": (8, 4, 4), "mouth": (8, 4, 4), "face": (16, 2, 2)}
    maps = {name: torch.rand(b, *sizes[name], generator=dice) for name in REGIONS}
    return Features(torch.rand(b, 4, 8, 8, generator=dice), maps)


def parameters(seed: int, b: int = 2) -> FacialParameters:
    vector = torch.rand(b, 269, generator=torch.Generator().manual_seed(seed))
    return FacialParameters.from_vector(vector)


def test_ct_is_the_mean_l1_over_the_five_maps():
    a, b = features(0), features(1)
    expected = np.mean([(a.maps[n] - b.maps[n]).abs().mean().item() for n in REGIONS])
    ct = discovery.build("loss", "ct")
    assert ct(features=a, drawn_features=b).item() == pytest.approx(expected, rel=1e-6)
    assert ct(features=a, drawn_features=a).item() == 0.0


def test_id_is_one_minus_cosine():
    e = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    other = torch.tensor([[0.0, 3.0], [0.0, -1.0]])
    loss = discovery.build("loss", "id")
    assert loss(embedding=e, emotionless_embedding=e).item() == pytest.approx(0.0, abs=1e-6)
    assert loss(embedding=e, emotionless_embedding=other).item() == pytest.approx((1.0 + 2.0) / 2)


def test_pr_is_zero_at_the_base_face_and_weighs_its_groups():
    base = FacialParameters.base(3)
    assert discovery.build("loss", "pr")(parameters=base).item() == 0.0
    moved = FacialParameters(base.pose + 0.1, base.au + 0.2, base.identity + 0.3, base.brow)
    loss = discovery.build("loss", "pr", {"alpha": 2.0, "beta": 3.0})
    assert loss(parameters=moved).item() == pytest.approx(0.01 + 2 * 0.09 + 3 * 0.04, rel=1e-5)


def test_lp_adds_the_two_readbacks_and_fixes_its_target():
    y = FacialParameters(*(part.clone().requires_grad_() for part in parameters(0)))
    gbe, gbi = y.emotionless(), y.unidentified()
    read_e, read_i = parameters(1), parameters(2)
    words = {
        "emotionless": gbe,
        "emotionless_readback": read_e,
        "unidentified": gbi,
        "unidentified_readback": read_i,
    }
    expected = (gbe.vector() - read_e.vector()).abs().mean() + 0.5 * (gbi.vector() - read_i.vector()).abs().mean()
    loss = discovery.build("loss", "lp", {"lambda_le": 0.5})(**words)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert not loss.requires_grad
    assert discovery.build("loss", "lp", {"fixed_target": False})(**words).requires_grad
    assert (gbe.au == BASE_AU).all()
    assert (gbi.au == y.au).all()


def test_adv_looks_at_the_mouth_only():
    a, base = features(0), features(1, b=1)
    loss = discovery.build("loss", "adv")
    expected = (a.maps["mouth"] - base.maps["mouth"]).abs().mean().item()
    assert loss(emotionless_features=a, base_features=base).item() == pytest.approx(expected, rel=1e-6)
    changed = Features(a.fused + 1, {n: m + (n != "mouth") for n, m in a.maps.items()})
    assert loss(emotionless_features=changed, base_features=base).item() == pytest.approx(expected, rel=1e-6)
