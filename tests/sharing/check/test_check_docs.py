"""The guide shows what the command prints, and names every rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from conftest import REPO
from scanfill.sharing.check import RULES, as_text, check

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = (REPO / "docs" / "how-to" / "check_a_pipeline.md").read_text(encoding="utf-8")


def test_the_finding_of_the_guide_is_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, printed = (re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[0] for kind in ("yaml", "text"))
    (tmp_path / "train.yaml").write_text(config)
    monkeypatch.chdir(tmp_path)
    assert as_text(*check(["train.yaml"])) + "\n" == printed


def test_the_comments_of_the_guide_silence_what_they_stand_at(tmp_path: Path) -> None:
    load = "- {_target_: LoadImaged, keys: [image, label]}\n"
    crop = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]
    flip = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0]
    text = f"t:\n{load}{crop}- {flip}"
    file = tmp_path / "train.yaml"
    file.write_text(text)
    assert not check([str(file)])[0]
    file.write_text(text.replace("check: ignore", "ignored"))
    assert [finding.rule for finding in check([str(file)])[0]] == ["grid-before-crop", "label-left-behind"]


def test_every_rule_is_in_the_guide_in_its_order() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE) == [rule.name for rule in RULES]
