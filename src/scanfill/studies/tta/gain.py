"""Predict every case without and with test-time augmentation, one way after the other, and note scores and seconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from scanfill.inferers import FlipInferer, with_tta
from scanfill.metrics.cohort import write_table
from scanfill.studies.statistics import HELD_OUT
from scanfill.studies.tables.writer import write_table as write_study_table
from scanfill.studies.tta.table import REFERENCE, gain_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monai.inferers import Inferer

    from scanfill.studies.tta.evaluation import Evaluation

Row = dict[str, float | str]


def measure(evaluation: Evaluation, inferers: Mapping[str, Inferer], folder: str | Path) -> dict[str, list[Row]]:
    """Predict each case with each inferer in turn, so that whatever slows a machine down slows all of them.

    Args:
        evaluation: Of a trained network.
        inferers: Name -> inferer.
        folder: Where ``cases.csv`` goes, written anew after each case.

    Returns:
        Name -> one row a case: ``case_id``, ``patient``, ``evaluation``, scores, ``dice_mean`` and ``hd95_mean`` over
        the regions of one label (NC, ED, CET), ``seconds``, ``processor_seconds``, ``averaged`` and ``voxels``.
    """
    patients = {str(case["case_id"]): str(case["patient"]) for case in evaluation.cases}
    rows: dict[str, list[Row]] = {name: [] for name in inferers}
    for case in tqdm(evaluation, total=len(evaluation.cases), desc="Test-time augmentation", unit="case"):
        if not any(rows.values()):
            evaluation.predict(case, next(iter(inferers.values())))  # not timed: the first call of all is slow
        who: Row = {"case_id": str(case["case_id"]), "patient": patients[str(case["case_id"])], "evaluation": HELD_OUT}
        for name, inferer in inferers.items():
            found = evaluation.predict(case, inferer)
            cost: Row = {kind: getattr(found, kind) for kind in ("seconds", "processor_seconds", "averaged", "voxels")}
            rows[name].append({**who, **found.scores, **_means(found.scores), **cost})
        every = [{"tta": name, **row} for name, done in rows.items() for row in done]
        write_table(every, Path(folder) / "cases.csv", "")
    return rows


def _means(scores: Mapping[str, float]) -> dict[str, float | str]:
    """Average over the regions of one label."""
    regions = ("NC", "ED", "CET")
    return {f"{kind}_mean": sum(scores[f"{kind}_{region}"] for region in regions) / 3 for kind in ("dice", "hd95")}


def write_gain(
    evaluation: Evaluation,
    output: str | Path,
    axes: Sequence[int] | None = None,
    **options: Any,
) -> str:
    """Compare ``none``, ``flips`` and ``adaptive``, and write ``cases.csv`` and the table ``tta``.

    Args:
        evaluation: Of a trained network.
        output: Folder; made if absent.
        axes: To flip; by default the bundle's ``tta_axes``, or what training flipped.
        **options: Arguments of :class:`~scanfill.inferers.AdaptiveFlipInferer`.

    Returns:
        The table in Markdown.

    Raises:
        UsageError: As :py:func:`~scanfill.inferers.with_tta`.
    """
    chosen = evaluation.get("tta_axes") if axes is None else axes
    flips: FlipInferer = with_tta("flips", evaluation.inferer, chosen, trained=evaluation.get("flipped_axes"))
    adaptive = with_tta("adaptive", evaluation.inferer, flips.axes, **options)
    rows = measure(evaluation, {REFERENCE: evaluation.inferer, "flips": flips, "adaptive": adaptive}, output)
    paths = write_study_table(gain_table(rows, f"{2 ** len(flips.axes)} passes"), Path(output))
    return next(path for path in paths if path.suffix == ".md").read_text(encoding="utf-8")
