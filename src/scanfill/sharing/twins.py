"""Write a JSON copy of each YAML config: ``monai.bundle.load`` and many tools only read JSON."""

import json
from pathlib import Path

from monai.bundle import ConfigParser

from scanfill.errors import UsageError


def write_twins(folder: Path) -> None:
    """Write each config also as JSON, such as ``train.json`` next to ``train.yaml``, with the content that MONAI reads.

    Raises:
        UsageError: A config has something that JSON cannot store, such as a date or a number as the name of an entry.
    """
    for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        content = ConfigParser.load_config_file(str(file))
        try:
            text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
            same = json.loads(text) == content
        except (TypeError, ValueError):
            same = False
        if not same:
            msg = f"{file.name} has a value that JSON cannot store: use text, numbers, lists, and only text as names."
            raise UsageError(msg)
        file.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
