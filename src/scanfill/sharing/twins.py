"""A JSON twin of each YAML config: ``monai.bundle.load`` and many tools read JSON only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from monai.bundle import ConfigParser

from scanfill.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def write_twins(folder: Path) -> None:
    """Write ``train.json`` beside ``train.yaml``, with the content that MONAI reads from it, for each config.

    Raises:
        UsageError: A config holds something that JSON cannot, such as a date or a number as the name of an entry.
    """
    for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        content = ConfigParser.load_config_file(str(file))
        try:
            text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
            same = json.loads(text) == content
        except (TypeError, ValueError):
            same = False
        if not same:
            msg = (
                f"{file.name} holds a value that JSON cannot: use text, numbers, lists and entries named by text only."
            )
            raise UsageError(msg)
        file.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
