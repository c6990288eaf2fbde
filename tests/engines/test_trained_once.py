"""A network that is trained once and kept: with its checksum, and only for those whom it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from scanfill.checksums import file_checksum
from scanfill.engines.checkpoint_files import read_checkpoint
from scanfill.engines.trained_once import trained_once
from scanfill.errors import CheckpointError
from scanfill.networks.frozen import FrozenNetwork

if TYPE_CHECKING:
    from pathlib import Path

CASES = {
    "training": [{"case_id": "a1", "patient": "a"}, {"case_id": "b1", "patient": "b"}],
    "validation": [{"case_id": "c1", "patient": "c"}],
}
IMAGE = torch.ones(1, 1, 4, 4)


def get(path: Path, trained: list[str] | None = None, **options: Any) -> FrozenNetwork:
    """Train a convolution, by drawing random weights; say so in ``trained``."""

    def train(network: nn.Module) -> None:
        nn.init.normal_(network.weight)  # type: ignore[arg-type]
        if trained is not None:
            trained.append("again")

    network = options.pop("network", None) or nn.Conv2d(1, 2, 3)
    defaults: dict[str, Any] = {"cases": CASES, "settings": {"steps": 5}, "seed": 0}
    return trained_once(path, network, train, **{**defaults, **options})


def test_it_is_trained_once_and_is_the_same_from_then_on(tmp_path: Path) -> None:
    trained: list[str] = []
    first = get(tmp_path / "features.pt", trained)
    second = get(tmp_path / "features.pt", trained)
    assert trained == ["again"]
    assert torch.equal(first(IMAGE), second(IMAGE))
    assert not any(parameter.requires_grad for parameter in second.parameters())


def test_the_file_has_a_record_and_a_checksum(tmp_path: Path) -> None:
    path = tmp_path / "features.pt"
    found = get(path)
    assert found.facts == {"file": "features.pt", "sha256": file_checksum(path)}
    assert (tmp_path / "features.pt.sha256").read_text() == f"{file_checksum(path)}  features.pt\n"
    record = read_checkpoint(path)["record"]
    assert (record["network"], record["steps"], record["seed"]) == ("Conv2d", 5, 0)
    assert record["training"]["patients"] == ["a", "b"]


def test_its_training_depends_on_its_seed_and_disturbs_no_other_random_numbers(tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = get(tmp_path / "a.pt", network=nn.Conv2d(1, 2, 3, bias=False))
    torch.manual_seed(7)
    other = get(tmp_path / "b.pt", network=nn.Conv2d(1, 2, 3, bias=False), seed=1)
    torch.manual_seed(7)
    again = get(tmp_path / "c.pt", network=nn.Conv2d(1, 2, 3, bias=False))
    assert torch.equal(first(IMAGE), again(IMAGE))
    assert not torch.equal(first(IMAGE), other(IMAGE))
    network = nn.Conv2d(1, 2, 3)
    torch.manual_seed(7)
    get(tmp_path / "d.pt", network=network)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"settings": {"steps": 6}}, r"features.pt was trained with steps=5; this run has 6\. Delete the file"),
        ({"seed": 1}, "was trained with seed=0; this run has 1"),
        ({"network": nn.Conv3d(1, 2, 3)}, "was trained with network='Conv2d'; this run has 'Conv3d'"),
        ({"network": nn.Conv2d(1, 3, 3)}, r"does not fit this Conv2d: weight has shape"),
        (
            {"cases": {"training": CASES["training"][:1], "validation": CASES["training"][1:]}},
            "was trained on patient b, on whom this training is judged",
        ),
        (
            {"cases": {"training": CASES["training"][:1], "validation": [], "test": CASES["training"][1:]}},
            "was trained on patient b, on whom this training is judged",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_told(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    get(tmp_path / "features.pt")
    with pytest.raises(CheckpointError, match=message):
        get(tmp_path / "features.pt", **options)


def test_a_file_that_has_changed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "features.pt"
    get(path)
    get(tmp_path / "other.pt", seed=1)
    path.write_bytes((tmp_path / "other.pt").read_bytes())
    with pytest.raises(CheckpointError, match=r"has changed since its checksum was written to features.pt.sha256"):
        get(path)
    path.write_bytes(b"damaged")
    (tmp_path / "features.pt.sha256").unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        get(path)


def test_a_training_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def fail(_: nn.Module) -> None:
        msg = "power cut"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="power cut"):
        trained_once(tmp_path / "features.pt", nn.Conv2d(1, 1, 1), fail, cases=CASES, settings={}, seed=0)
    assert not list(tmp_path.iterdir())
