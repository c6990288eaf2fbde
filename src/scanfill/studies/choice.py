"""Which acquired sequence a missing one is made from: that with the lowest error on patients set apart for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from scanfill.errors import UsageError
from scanfill.files import writing
from scanfill.studies.commands import recorded_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def choose_sources(receipts: Sequence[str | Path], output_dir: str | Path) -> None:
    """Rank the sources of each target by the inner validation of their synthesizers, and print the choice.

    Writes ``sources.json`` (target -> sources, best first), ``errors.json`` (target -> source -> error), and for each
    target ``to_<target>.yaml``, with which a synthesizer is trained from the best source.

    Args:
        receipts: Of the fold's synthesizers.
        output_dir: Made if absent.

    Raises:
        UsageError: A training was not validated.
    """
    errors: dict[str, dict[str, float]] = {}
    for path in receipts:
        receipt = json.loads(Path(path).read_text(encoding="utf-8"))
        options = recorded_options(receipt)
        errors.setdefault(options["target"], {})[options["sources"][0]] = inner_error(receipt, str(path))
    ranking = {target: sorted(found, key=lambda name: (found[name], name)) for target, found in errors.items()}
    folder = Path(output_dir)
    for target, sources in ranking.items():
        figures = ", ".join(f"{name} {errors[target][name]:.4f}" for name in sources)
        print(f"{target} is made from {sources[0]} (MSE of inner validation: {figures})")  # noqa: T201  asked for
        text = yaml.safe_dump({"sources": sources[:1], "target": target}, default_flow_style=None)
        _write(folder / f"to_{target}.yaml", f"# What has the lowest error on patients set apart.\n{text}")
    _write(folder / "errors.json", json.dumps(errors, indent=1) + "\n")
    _write(folder / "sources.json", json.dumps(ranking, indent=1) + "\n")


def inner_error(receipt: Mapping[str, Any], where: str) -> float:
    """Mean squared error on the inner validation, of the weights that were kept.

    Raises:
        UsageError: There was none.
    """
    validations = receipt["validation"]
    if not validations:
        msg = (
            f"{where} has no validation, so its source cannot be compared with others. Leave val_interval out of the "
            f"study file, and run the study again."
        )
        raise UsageError(msg)
    explained = max(value for _, value in validations) if receipt["weights"] == "best" else validations[-1][1]
    return 1 - float(explained)


def _write(path: Path, text: str) -> None:
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
