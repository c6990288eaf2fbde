"""The judgement of ct_label_to_image that a user gets, after a training of a few steps."""

from __future__ import annotations

import csv
import json

import pytest

from conftest import REPO, TrainedBundle
from scanfill.data import read_list
from scanfill.label_to_image.judged import NEAREST, NETWORK, PAINTED, REAL

NAME = "ct_label_to_image"


@pytest.mark.parametrize("trained", [REPO / "bundles" / NAME], ids=[NAME], indirect=True)
def test_slices_of_held_out_patients_are_judged_in_every_row(trained: TrainedBundle) -> None:
    output = trained.root / "eval"
    figures = json.loads((output / "judgement.json").read_text())
    assert list(figures["rows"]) == [REAL, NETWORK, PAINTED, NEAREST]
    assert figures["about"]["looks"] == 3
    assert not figures["passed"][NETWORK]
    with (output / "scores.csv").open(newline="") as file:
        lines = list(csv.DictReader(line for line in file if not line.startswith("#")))
    split = read_list(trained.root / "datalist.json", trained.dataset_dir, schema="kidney_ct")
    assert {line["patient"] for line in lines} <= {case["patient"] for case in split["validation"]}
    assert (output / "judgement.html").is_file()
