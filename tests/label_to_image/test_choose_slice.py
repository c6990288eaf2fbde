"""Which slice of a volume is drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation

from scanfill.errors import CaseError, UsageError
from scanfill.label_to_image import ChooseSliced


def volume() -> tuple[MetaTensor, MetaTensor]:
    """Organ in slices 1 to 6, most in 2; lesion in 4 and 5, most in 5."""
    label = torch.zeros(1, 10, 12, 8)
    label[:, :3, :3, 1:7], label[:, :6, :6, 2] = 1, 1
    label[:, :1, :1, 4], label[:, :2, :2, 5] = 2, 2
    affine = torch.tensor([[-2.0, 0, 0, 7], [0, -2, 0, 9], [0, 0, 5, -30], [0, 0, 0, 1]], dtype=torch.float64)
    depth = torch.arange(8.0).expand(1, 10, 12, 8)
    return MetaTensor(depth.clone(), affine=affine), MetaTensor(label, affine=affine)


def chosen(**options: object) -> MetaTensor:
    ct, label = volume()
    seed = options.pop("seed", 0)
    choose = ChooseSliced(["ct", "label"], label_key="label", **options)
    cut: MetaTensor = choose({"ct": ct, "label": label, "mask_seed": seed})["ct"]
    return cut


def test_it_is_the_one_with_most_of_what_is_wanted() -> None:
    assert float(chosen(wanted=[2]).mean()) == 5
    assert float(chosen(wanted=[1]).mean()) == 2
    assert float(chosen(wanted=[3]).mean()) == 2, "of any label where there is none"


def test_it_stays_on_its_place_and_forgets_what_was_done_to_the_volume() -> None:
    cut = chosen(wanted=[2])
    assert cut.shape == (1, 10, 12, 1)
    assert cut.affine[:3, 3].tolist() == [7, 9, -30 + 5 * 5]
    turned = Orientation("RAS", labels=None)(volume()[1])
    once = ChooseSliced("label", label_key="label")({"label": turned})["label"]
    assert turned.applied_operations
    assert not once.applied_operations


def test_at_random_it_is_any_with_a_label_by_the_seed() -> None:
    seen = {int(chosen(which="random", seed=seed).mean()) for seed in range(60)}
    assert seen == {1, 2, 3, 4, 5, 6}
    assert float(chosen(which="random", seed=3).mean()) == float(chosen(which="random", seed=3).mean())


def test_an_image_of_two_dimensions_and_a_volume_of_one_slice_stay_whole() -> None:
    for shape in ((1, 4, 5), (1, 4, 5, 1)):
        label = MetaTensor(torch.ones(shape))
        assert ChooseSliced("label", label_key="label")({"label": label})["label"].shape == shape


def test_an_empty_label_map_and_other_words_are_refused() -> None:
    with pytest.raises(CaseError, match="Case 'a': the label map is empty"):
        ChooseSliced("label", label_key="label")({"case_id": "a", "label": MetaTensor(torch.zeros(1, 4, 4, 2))})
    with pytest.raises(UsageError, match=r"which \(='best'\) must be one of fullest, random"):
        ChooseSliced("label", label_key="label", which="best")
    assert ChooseSliced("a", label_key="a").number_of(np.ones((2, 2)), 0, "It") == 0
