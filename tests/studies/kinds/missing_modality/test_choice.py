"""Which sequence a missing one is synthesized from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from scanfill.errors import UsageError
from scanfill.studies.commands import recorded_options
from scanfill.studies.kinds.missing_modality.choice import choose_sources, inner_error

if TYPE_CHECKING:
    from pathlib import Path


def receipt(folder: Path, source: str, explained: list[list[Any]], weights: str = "last") -> Path:
    path = folder / f"{source}.json"
    options = {"sources": [source], "target": "flair"}
    path.write_text(json.dumps({"options": options, "validation": explained, "weights": weights}))
    return path


def test_the_source_with_the_lowest_error_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipts = [receipt(tmp_path, "t1", [[2, 0.3]]), receipt(tmp_path, "t2", [[2, 0.6]])]
    choose_sources(receipts, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "sources.json").read_text()) == {"flair": ["t2", "t1"]}
    assert yaml.safe_load((tmp_path / "out" / "to_flair.yaml").read_text()) == {"sources": ["t2"], "target": "flair"}
    assert "Step: flair is synthesized from t2" in capsys.readouterr().out


def test_receipts_of_the_first_release_are_still_read() -> None:
    old, new = ({name: {"target": "flair"}} for name in ("knobs", "options"))
    assert recorded_options(old) == recorded_options(new) == {"target": "flair"}


def test_the_error_is_that_of_the_weights_that_were_kept() -> None:
    validation = [[1, 0.9], [2, 0.5]]
    assert inner_error({"validation": validation, "weights": "last"}, "x") == pytest.approx(0.5)
    assert inner_error({"validation": validation, "weights": "best"}, "x") == pytest.approx(0.1)


def test_a_training_without_validation_cannot_be_chosen() -> None:
    with pytest.raises(UsageError, match="no validation"):
        inner_error({"validation": [], "weights": "last"}, "models/x/receipt.json")
