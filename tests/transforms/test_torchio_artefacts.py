"""MRI artefacts by TorchIO, drawn from our own random state."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.transforms import Compose
from monai.utils import set_determinism

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


def loaded(seed: int, epochs: int = 2, workers: int = 1) -> list[torch.Tensor]:
    """What a training loop sees: the cases of some epochs, as a worker of MONAI's DataLoader changes them."""
    set_determinism(seed)
    try:
        artefact = Compose([RandTorchIOd("a", "RandomBiasField", prob=1)])
        loader = DataLoader(Dataset([{"a": scan()}, {"a": scan()}], artefact), num_workers=workers)
        return [batch["a"] for _ in range(epochs) for batch in loader]
    finally:
        set_determinism(None)


def test_a_seed_fixes_what_a_worker_draws_and_no_draw_comes_twice() -> None:
    pytest.importorskip("torchio", reason=NEEDED)
    first, again, other = loaded(1), loaded(1), loaded(2)
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    draws = [*first, scan()[None]]
    assert not any(torch.equal(one, two) for one, two in itertools.combinations(draws, 2))
    assert torch.equal(first[0].affine[0], scan().affine)


def test_two_workers_draw_differently() -> None:
    pytest.importorskip("torchio", reason=NEEDED)
    first, second = loaded(1, epochs=1, workers=2)
    assert not torch.equal(first, second)


def test_a_copy_draws_what_the_original_draws() -> None:
    pytest.importorskip("torchio", reason=NEEDED)
    original = RandTorchIOd("a", "RandomSpike", prob=1).set_random_state(5)
    copied = copy.deepcopy(original)  # the way of a worker that is not forked
    assert torch.equal(original({"a": scan()})["a"], copied({"a": scan()})["a"])


def test_only_volumes_and_only_intensities() -> None:
    pytest.importorskip("torchio", reason=NEEDED)
    with pytest.raises(UsageError, match=r"got shape \(1, 8, 8\)"):
        RandTorchIO("RandomMotion", prob=1)(torch.zeros(1, 8, 8))
    with pytest.raises(UsageError, match="RandomAffine moves voxels"):
        RandTorchIO("RandomAffine")
    with pytest.raises(UsageError, match="RandomFog is not in TorchIO"):
        RandTorchIO("RandomFog")
    with pytest.raises(UsageError, match=r"expects intensities, got torch\.uint8, the type"):
        RandTorchIO("RandomMotion", prob=1)(torch.zeros(1, 8, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize("arguments", [{"strength": 3}, {"num_ghosts": "many"}, {"intensity": -1}])
def test_arguments_that_torchio_does_not_take_are_told(arguments: dict[str, object]) -> None:
    pytest.importorskip("torchio", reason=NEEDED)
    with pytest.raises(UsageError, match=f"RandomGhosting does not accept .*{next(iter(arguments))}"):
        RandTorchIO("RandomGhosting", **arguments)


def test_without_torchio_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchio_artefacts, "optional_import", lambda _: (None, False))
    with pytest.raises(UsageError, match=r"pip install 'scanfill\[mri-artifacts\]'"):
        RandTorchIO("RandomMotion")
