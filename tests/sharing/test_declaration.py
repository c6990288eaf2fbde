"""What a bundle says of itself: its task and its schema, or an error that says what exists."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from conftest import REPO
from scanfill.errors import UsageError
from scanfill.sharing import pack
from scanfill.sharing.declaration import CONTRACT, read_declaration

if TYPE_CHECKING:
    from pathlib import Path

BUNDLE = REPO / "bundles" / "brain_tumor_segmentation"


def metadata(**said: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((BUNDLE / "configs" / "metadata.json").read_text())
    return {**content, "scanfill": {**content["scanfill"], **said}}


def test_what_is_said_is_read() -> None:
    declaration = read_declaration(metadata(), "metadata.json")
    assert (declaration.task, declaration.kind.name, declaration.smoke.phantoms) == (
        "segmentation",
        "brain_mri",
        "brain",
    )
    assert declaration.contract == CONTRACT["segmentation"] > CONTRACT["generation"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"task": None}, "has no task: .* one of segmentation, translation, generation, inpainting"),
        ({"task": "guessing"}, "has the unknown task 'guessing'"),
        ({"schema": "brains"}, "Unknown schema 'brains'; known: .*brain_mri"),
        ({"inputs_of_network": ["image", "context"]}, "describes image, not context"),
        ({"export": "print"}, "export='print' must be one of script, trace, none"),
    ],
)
def test_what_does_not_exist_is_named_with_what_does(said: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^metadata.json.*{message}"):
        read_declaration(metadata(**said), "metadata.json")


def test_a_bundle_that_says_nothing_is_not_packed(tmp_path: Path) -> None:
    folder = tmp_path / "silent"
    shutil.copytree(BUNDLE, folder, ignore=shutil.ignore_patterns("models", "eval", "data"))
    content = {key: value for key, value in metadata().items() if key != "scanfill"}
    (folder / "configs" / "metadata.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match='has no task: under "scanfill", set "task"'):
        pack(folder, output=tmp_path)
