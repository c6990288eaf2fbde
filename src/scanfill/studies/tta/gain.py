"""Predict every case without and with test-time augmentation, and compare scores and seconds in one table."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from monai.inferers import Inferer
from tqdm import tqdm

from scanfill.inferers import with_tta
from scanfill.metrics.cohort import Row, write_table
from scanfill.studies.statistics import HELD_OUT, Bootstrap, bootstrap_interval, pair_strategies
from scanfill.studies.tables.study_table import Cell, Estimate, StudyTable, known
from scanfill.studies.tables.writer import write_table as write_study_table
from scanfill.studies.tta.evaluation import Evaluation

REFERENCE = "none"
SCORES = {"Dice": "dice_mean", "HD95 (mm)": "hd95_mean"}
"""Column -> score; ``_mean`` is over the regions of a single label."""
NOTES = (
    "Gain: mean difference from none over the same patients, with its 95 % bootstrap interval.",
    "An interval that contains 0 shows no gain; for HD95, lower is better.",
    "Dice and HD95 are averaged over the regions of a single label.",
    "Seconds cover only the prediction, without reading and preparing a case.",
)


def measure(
    evaluation: Evaluation, inferers: Mapping[str, Inferer], folder: str | Path
) -> dict[str, list[dict[str, float | str]]]:
    """Predict each case with each inferer in turn, so that other load on the machine affects all of them equally.

    Args:
        evaluation: Evaluation of a trained network.
        inferers: Name -> inferer.
        folder: Folder of ``cases.csv``, which is rewritten after each case.

    Returns:
        Name -> one row per case: ``case_id``, ``patient``, ``evaluation``, scores, ``dice_mean`` and ``hd95_mean`` over
        the regions of a single label, ``seconds`` and ``processor_seconds``.
    """
    single = [name for name, labels in evaluation.schema.regions.items() if len(labels) == 1]
    patients = {str(case["case_id"]): str(case["patient"]) for case in evaluation.cases}
    rows: dict[str, list[dict[str, float | str]]] = {name: [] for name in inferers}
    for case in tqdm(evaluation, total=len(evaluation.cases), desc="Test-time augmentation", unit="case"):
        if not any(rows.values()):
            evaluation.predict(case, next(iter(inferers.values())))  # not timed: the first call of all is slow
        name = str(case["case_id"])
        for way, inferer in inferers.items():
            found = asdict(evaluation.predict(case, inferer))
            scores = found.pop("scores")
            means = {
                f"{kind}_mean": statistics.fmean(scores[f"{kind}_{region}"] for region in single)
                for kind in ("dice", "hd95")
            }
            about = {"case_id": name, "patient": patients[name], "evaluation": HELD_OUT}
            rows[way].append({**about, **scores, **means, **found})
        write_table([{"tta": way, **row} for way, done in rows.items() for row in done], Path(folder) / "cases.csv", "")
    return rows


def gain_table(rows: Mapping[str, Sequence[Row]], about: str = "", bootstrap: Bootstrap | None = None) -> StudyTable:
    """Compare every inferer with ``none``, paired by patient.

    Args:
        rows: Name -> one row per case, from :py:func:`measure`.
        about: Text added to the title.
        bootstrap: Settings of the intervals.

    Raises:
        UsageError: The inferers were not scored on the same cases.
    """
    lines: list[list[Cell]] = []
    reasons: list[str] = []
    for name, own in rows.items():
        cells: list[Cell] = [name]
        for score in SCORES.values():
            cells.append(_mean(own, score))
            if name == REFERENCE:
                cells.append(None)
                continue
            (pair,) = pair_strategies({REFERENCE: rows[REFERENCE], name: own}, REFERENCE, score)
            interval = bootstrap_interval(pair.differences, pair.folds, bootstrap)
            cells.append(Estimate(float(pair.differences.mean()), known(interval.low), known(interval.high)))
            reasons += [interval.reason] if interval.low is None else []
        seconds = _mean(own, "seconds")
        lines.append([*cells, seconds, seconds / _mean(rows[REFERENCE], "seconds")])
    columns = ["tta", *(title for score in SCORES for title in (score, f"{score}: gain"))]
    columns += ["seconds a case", "times none"]
    title = f"Gain and cost of test-time augmentation on {len(rows[REFERENCE])} cases"
    title += f", {about}" if about else ""
    return StudyTable("tta", title, columns, lines, notes=[*NOTES, *dict.fromkeys(reasons)])


def _mean(rows: Sequence[Row], key: str) -> float:
    return statistics.fmean(float(row[key]) for row in rows)


def write_gain(evaluation: Evaluation, output: str | Path, axes: Sequence[int] | None = None) -> str:
    """Compare ``none`` with ``flips``, and write ``cases.csv`` and the table ``tta``.

    Args:
        evaluation: Evaluation of a trained network.
        output: Output folder; created if missing.
        axes: Axes to flip; by default the bundle's ``tta_axes``, or the axes flipped in training.

    Returns:
        The table in Markdown.

    Raises:
        UsageError: See :py:func:`~scanfill.inferers.with_tta`.
    """
    chosen = evaluation.get("tta_axes") if axes is None else axes
    flips = with_tta("flips", evaluation.inferer, chosen, trained=evaluation.get("flipped_axes"))
    rows = measure(evaluation, {REFERENCE: evaluation.inferer, "flips": flips}, output)
    paths = write_study_table(gain_table(rows, f"{2 ** len(flips.axes)} passes"), Path(output))
    return next(path for path in paths if path.suffix == ".md").read_text(encoding="utf-8")
