"""The losses against their equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from refusals import refused

from aubench import discovery
from aubench.contracts import REGIONS, Features
from aubench.parameters import AU_NAMES, BASE_AU, FacialParameters


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


def test_departures_compare_what_changes():
    face, neutral, drawn, calm = (features(seed) for seed in range(4))
    words = {"features": face, "neutral_features": neutral, "drawn_features": drawn, "emotionless_features": calm}
    expected = np.mean([
        (drawn.maps[n] - calm.maps[n] - face.maps[n] + neutral.maps[n]).abs().mean().item() for n in REGIONS
    ])  # fmt: skip
    loss = discovery.build("loss", "departures")
    assert loss(**words).item() == pytest.approx(expected, rel=1e-5)
    other = {name: word.each(lambda t: t + 3.0) for name, word in words.items() if name not in ("features",)}
    other["features"] = face.each(lambda t: t + 3.0)
    assert loss(**other).item() == pytest.approx(expected, rel=1e-4), "another skin on all four changes nothing"


def test_equivariance_asks_for_the_strength_of_the_warp():
    loss = discovery.build("loss", "equivariance", {"gains": {"AU12": 0.5}})
    at_rest, strengths = FacialParameters.base(2), torch.zeros(2, 23)
    strengths[:, AU_NAMES.index("AU12")] = 0.6
    strengths[:, AU_NAMES.index("AU15")] = 0.6
    risen = at_rest.au.clone()
    risen[:, AU_NAMES.index("AU12")] += 0.3
    answers = FacialParameters(at_rest.pose, risen, at_rest.identity, at_rest.brow)
    words = {"parameters": at_rest, "warped_strengths": strengths}
    assert loss(warped_parameters=answers, **words).item() == pytest.approx(0.0, abs=1e-6)
    assert loss(warped_parameters=at_rest, **words).item() == pytest.approx((0.3 - 0.05) / 23, rel=1e-4)
    most = FacialParameters(at_rest.pose, at_rest.au * 0 + 0.9, at_rest.identity, at_rest.brow)
    full = FacialParameters(at_rest.pose, most.au + 0.1 * (strengths > 0), at_rest.identity, at_rest.brow)
    only = torch.where(torch.arange(23) == AU_NAMES.index("AU12"), full.au, most.au)
    read = FacialParameters(at_rest.pose, only, at_rest.identity, at_rest.brow)
    assert loss(parameters=most, warped_parameters=read, warped_strengths=strengths).item() == pytest.approx(
        0, abs=1e-6
    )


def test_equivariance_knows_its_aus():
    with refused("config-invalid", "gains", "AU99"):
        discovery.build("loss", "equivariance", {"gains": {"AU99": 1.0}})


def test_sequence_costs_bends_and_changes_of_identity():
    now, before, after, peer = (parameters(seed) for seed in range(4))
    words = {"before_parameters": before, "after_parameters": after, "peer_parameters": peer}
    bend = (before.au - 2 * now.au + after.au).abs().mean()
    change = (now.identity - peer.identity).square().mean() + (now.brow - peer.brow).square().mean()
    loss = discovery.build("loss", "sequence", {"au": 2.0, "identity": 3.0})
    assert loss(parameters=now, **words).item() == pytest.approx((2 * bend + 3 * change).item(), rel=1e-5)
    middle = FacialParameters(now.pose, (before.au + after.au) / 2, now.identity, now.brow)
    assert loss(parameters=middle, **words | {"peer_parameters": now}).item() == pytest.approx(0.0, abs=1e-6)


def test_teacher_matches_readings_in_order_with_a_share_at_rest():
    student, teacher, start = (parameters(seed, b=4) for seed in range(3))
    prior = start.au.sort(dim=0).values
    prior[:2] = BASE_AU
    distance = (student.au.sort(dim=0).values - prior).abs().mean()
    expected = (student.au - teacher.au).abs().mean() + 0.5 * distance
    loss = discovery.build("loss", "teacher", {"marginal": 0.5, "rest": 0.5})
    words = {"disturbed_parameters": student, "teacher_parameters": teacher, "start_parameters": start}
    assert loss(**words).item() == pytest.approx(expected.item(), rel=1e-5)
    keeps = discovery.build("loss", "teacher", {"rest": 0.0})
    same = {"disturbed_parameters": start, "teacher_parameters": start, "start_parameters": start}
    assert keeps(**same).item() == 0.0
    assert loss(**same).item() > 0
