"""Choose the source of each synthetic sequence: the acquired one with the lowest error in the inner validation."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from scanfill.errors import UsageError
from scanfill.files import writing
from scanfill.studies.commands import recorded_options


def choose_sources(receipts: Sequence[str | Path], output_dir: str | Path) -> None:
    """Rank the sources of each target by the inner validation of their synthesizers, and print the choice.

    Writes ``sources.json`` (target -> sources, best first), ``errors.json`` (target -> source -> error), and for each
    target ``to_<target>.yaml``, the overlay for training a synthesizer from the best source.

    Args:
        receipts: Receipts of the fold's synthesizers.
        output_dir: Output folder; created if missing.

    Raises:
        UsageError: A training had no validation.
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
        print(f"Step: {target} is synthesized from {sources[0]} (inner validation MSE: {figures})")  # noqa: T201  asked for
        text = yaml.safe_dump({"sources": sources[:1], "target": target}, default_flow_style=None)
        _write(folder / f"to_{target}.yaml", f"# The source with the lowest error in the inner validation.\n{text}")
    _write(folder / "errors.json", json.dumps(errors, indent=1) + "\n")
    _write(folder / "sources.json", json.dumps(ranking, indent=1) + "\n")


def inner_error(receipt: Mapping[str, Any], where: str) -> float:
    """Return the mean squared error of the saved weights on the inner validation.

    Raises:
        UsageError: There was no validation.
    """
    validations = receipt["validation"]
    if not validations:
        msg = (
            f"{where} has no validation, so its source cannot be compared with others. Remove val_interval from the "
            f"study file, and run the study again."
        )
        raise UsageError(msg)
    explained = max(value for _, value in validations) if receipt["weights"] == "best" else validations[-1][1]
    return 1 - float(explained)


def _write(path: Path, text: str) -> None:
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
