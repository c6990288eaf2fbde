"""MRI artefacts by TorchIO, drawn from our own random state."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from scanfill.errors import UsageError
from scanfill.transforms import RandTorchIO, RandTorchIOd, torchio_artefacts

NAMES = ["RandomMotion", "RandomGhosting", "RandomSpike", "RandomBiasField", "RandomNoise"]
NEEDED = "TorchIO is an extra, scanfill[mri-artifacts], and is not installed"


def scan() -> MetaTensor:
    values = torch.rand(1, 16, 14, 12, generator=torch.Generator().manual_seed(0)) * 100 + 300
    values[:, :3] = 0
    return MetaTensor(values, affine=torch.diag(torch.tensor([2.0, 2, 2, 1])), meta={"filename_or_obj": "a.nii"})


@pytest.mark.parametrize("name", NAMES)
def test_our_seed_fixes_it_and_the_global_generator_is_left_alone(name: str) -> None:
    pytest.importorskip("torchio", reason=NEEDED)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    results = []
    for seed in (3, 3, 4):
        results.append(RandTorchIOd("a", name, prob=1).set_random_state(seed)({"a": scan()})["a"])
        torch.rand(1)  # what others draw in between
    torch.set_rng_state(state)
    RandTorchIO(name, prob=1)(scan())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert not torch.equal(results[0], scan())


def test_metadata_type_and_zeros_survive_and_labels_are_not_touched() -> None:
    pytest.importorskip("torchio", reason=NEEDED)
    before = {"a": scan(), "label": scan() > 350}
    after = RandTorchIOd("a", "RandomGhosting", prob=1, intensity=(1, 1)).set_random_state(0)(before)
    assert isinstance(after["a"], MetaTensor)
    assert torch.equal(after["a"].affine, before["a"].affine)
    assert after["a"].meta["filename_or_obj"] == "a.nii"
    assert after["a"].dtype == before["a"].dtype
    assert torch.equal(after["a"] == 0, before["a"] == 0)
    assert after["label"] is before["label"]
    free = RandTorchIO("RandomGhosting", prob=1, keep_zeros=False, intensity=(1, 1)).set_random_state(0)(scan())
    assert (free[:, :3] != 0).any()


def test_only_volumes_and_only_intensities() -> None:
    pytest.importorskip("torchio", reason=NEEDED)
    with pytest.raises(UsageError, match=r"got shape \(1, 8, 8\)"):
        RandTorchIO("RandomMotion", prob=1)(torch.zeros(1, 8, 8))
    with pytest.raises(UsageError, match="RandomAffine moves voxels"):
        RandTorchIO("RandomAffine")
    with pytest.raises(UsageError, match="RandomFog is not in TorchIO"):
        RandTorchIO("RandomFog")


def test_without_torchio_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchio_artefacts, "optional_import", lambda _: (None, False))
    with pytest.raises(UsageError, match=r"pip install 'scanfill\[mri-artifacts\]'"):
        RandTorchIO("RandomMotion")
