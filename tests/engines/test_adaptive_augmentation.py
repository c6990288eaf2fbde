"""The probability of augmentation follows the sign of the logits of real images."""

from __future__ import annotations

import pytest
import torch

from scanfill.engines import AdaptiveAugmentation
from scanfill.errors import UsageError


def sure(count: int = 10) -> torch.Tensor:
    return torch.ones(count, 1)


def test_it_rises_while_the_discriminator_is_sure_and_falls_otherwise() -> None:
    augmentation = AdaptiveAugmentation(images=100, interval=2)
    probabilities = []
    for logits in (sure(), sure(), sure(), sure(), -sure(), -sure()):
        augmentation.observe(logits)
        probabilities.append(augmentation.probability)
    assert probabilities == pytest.approx([0, 0.2, 0.2, 0.4, 0.4, 0.2])


def test_it_stays_between_0_and_the_most() -> None:
    augmentation = AdaptiveAugmentation(images=10, most=0.5, interval=1)
    augmentation.observe(sure())
    assert augmentation.probability == 0.5
    for _ in range(3):
        augmentation.observe(-sure())
    assert augmentation.probability == 0


def test_the_target_is_a_mean_of_signs_not_of_sizes() -> None:
    augmentation = AdaptiveAugmentation(images=100, target=0.6, interval=1)
    augmentation.observe(torch.tensor([[100.0]] * 7 + [[-0.01]] * 3))  # mean sign .4
    assert augmentation.probability == 0
    augmentation.observe(torch.tensor([[0.01]] * 9 + [[-100.0]]))  # mean sign .8
    assert augmentation.probability == pytest.approx(0.1)


def test_it_goes_on_where_it_was_saved() -> None:
    one, other = (AdaptiveAugmentation(images=100, interval=2) for _ in range(2))
    one.observe(sure())
    other.load_state_dict(one.state_dict())
    for each in (one, other):
        each.observe(sure())
    assert one.state_dict() == other.state_dict()
    assert other.probability == pytest.approx(0.2)


def test_it_draws_as_often_as_the_probability_says() -> None:
    torch.manual_seed(0)
    drawn = AdaptiveAugmentation(start=0.3).draw(torch.zeros(2000, 1, 1, 1))
    assert (drawn.shift != 0).any(dim=1).float().mean().item() == pytest.approx(0.3, abs=0.04)
    assert drawn.hole.isnan().all(dim=1).float().mean().item() == pytest.approx(0.7, abs=0.04)


@pytest.mark.parametrize("options", [{"start": 0.9}, {"start": -0.1}, {"most": 1.1}, {"images": 0}])
def test_numbers_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must be 0 to 1 in this order"):
        AdaptiveAugmentation(**options)  # type: ignore[arg-type]
