"""Remove sequences from the cases of a task, and synthesize them if the strategy does.

``image_quality.csv`` in the output folder has the quality of every synthetic sequence; a few images are kept in
``images``.
"""

import json
import math
import shutil
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.metrics.cohort import write_table
from scanfill.missing.availability import trained_availability
from scanfill.missing.generators import Generator
from scanfill.missing.handle import handle_missing
from scanfill.studies.kinds.missing_modality.images import FIGURES, KINDS, judge_image, make_images, open_trained
from scanfill.studies.kinds.missing_modality.strategies import IMAGE_SCORES, acquired_of, join
from scanfill.studies.prediction import Prepared, Task
from scanfill.studies.predictor import Predictor
from scanfill.studies.trained import trained_from

Case = dict[str, Any]

QUALITY = ("missing", "target", "source", "case_id", "patient", *FIGURES)
"""Columns of ``image_quality.csv``; several sources are joined by ``+``."""


class Removal:
    """A preparation (:py:class:`scanfill.studies.prediction.Preparation`) that takes sequences away from every case.

    Args:
        images: How they are synthesized: ``synthesis``, ``completion``, or None if they are not.
        models: Name -> folder of the bundle that its training left; all networks of the prediction.
        folder: Output folder of the prediction.
        choice: For ``synthesis``: ``sources.json`` of the fold, with the sources of each target, best first.
        keep_images: Number of cases whose synthetic images are kept, for each task.
        device: Device to run the networks on.
    """

    def __init__(
        self,
        images: str | None,
        models: Mapping[str, str],
        folder: str | Path,
        *,
        choice: str | Path | None = None,
        keep_images: int = 3,
        device: torch.device | str = "cpu",
    ) -> None:
        self.images, self.models, self.folder = images, trained_from(models), Path(folder)
        self.ranking: Mapping[str, Sequence[str]] = json.loads(Path(choice).read_text()) if choice else {}
        self.keep_images, self.device = keep_images, device
        self.quality: list[dict[str, Any]] = []
        self._opened: dict[str, Generator] = {}

    @property
    def _scratch(self) -> Path:
        return self.folder / "scratch"

    def __call__(self, cases: Sequence[Case], task: Task, predictor: Predictor) -> Prepared:
        """Return the cases without the missing sequences, or with their synthetic images.

        Raises:
            CaseError: A case must not be used for evaluation, or an image could not be synthesized.
        """
        missing, makes = task["missing"], bool(self.images and task["missing"])
        made = [self._complete(case, task) if makes else (case, [], 0.0) for case in cases]
        rows = [row for _, own, _ in made for row in own]
        if rows:
            self.quality += rows
            write_table(
                [{key: row[key] for key in QUALITY} for row in self.quality], self.folder / "image_quality.csv", ""
            )
        if makes:
            self._keep([case for case, _, _ in made[: self.keep_images]], str(task["folder"]))
        absent = [name for name in missing if name in predictor.inputs]
        kept = [_shown(case, absent) for case, _, _ in made]
        given = handle_missing(
            kept,
            predictor.inputs,
            KINDS[str(self.images)] if makes else "zero",
            availability=trained_availability(predictor.model.checkpoint),
            judged=True,
            schema=SCHEMA,
        )
        figures = [_mean_figures(case, own, str(task["strategy"])) for case, own, _ in made if own]
        return Prepared(given, figures, statistics.fmean(seconds for *_, seconds in made) if made else 0.0)

    def clear(self) -> None:
        """Remove all images synthesized for the task; the networks stay open."""
        for name in self._opened:
            shutil.rmtree(self._scratch / name, ignore_errors=True)

    def close(self) -> None:
        """Remove the copies of the networks, too."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _sources(self, target: str, task: Task) -> list[str]:
        """Return the sources of a sequence: only acquired ones, never synthetic ones."""
        there = acquired_of(join(task["missing"]))
        if self.images == "completion":
            return list(there)
        return [task["source"] or next(name for name in self.ranking[target] if name in there)]

    def _generator(self, target: str, sources: Sequence[str]) -> Generator:
        """Return the network for a sequence; it is opened only once."""
        completes = self.images == "completion"
        name = "completion" if completes else f"synthesis_{sources[0]}_to_{target}"
        if name not in self._opened:
            model, folder, goal = self.models[name], self._scratch / name, None if completes else target
            self._opened[name] = open_trained(model, str(self.images), goal, folder=folder, device=self.device)
        return self._opened[name]

    def _complete(self, case: Case, task: Task) -> tuple[Case, list[dict[str, Any]], float]:
        """Synthesize the missing sequences of a case.

        Returns:
            The case with the synthetic images instead of the missing ones; the quality of each; the seconds it took.
        """
        images: dict[str, str] = {}
        rows, seconds = [], 0.0
        for target in task["missing"]:
            sources = self._sources(target, task)
            generator = self._generator(target, sources)
            if target not in images:
                wanted = task["missing"] if self.images == "completion" else [target]
                folder = self._scratch / generator.option
                begin = time.monotonic()
                images |= make_images(generator, case, sources, wanted, folder)
                seconds += time.monotonic() - begin
            row = {"missing": join(task["missing"]), "target": target, "source": "+".join(sources)}
            row |= {"case_id": case["case_id"], "patient": case["patient"]}
            rows.append(row | judge_image(images[target], case, generator, target, sources))
        return case | images | {"synthetic": list(images)}, rows, seconds

    def _keep(self, cases: Sequence[Case], task: str) -> None:
        """Copy the synthetic images of a few cases, with their sidecars, to a permanent folder."""
        for case in cases:
            for name in case.get("synthetic", ()):
                source, place = Path(case[name]), self.folder / "images" / task / str(case["case_id"])
                place.mkdir(parents=True, exist_ok=True)
                for file in source.parent.iterdir():
                    if file.name.startswith(f"{source.name.removesuffix('.nii.gz')}."):
                        shutil.copy2(file, place / file.name)


def _shown(case: Case, absent: Sequence[str]) -> Case:
    """Remove the truth and the missing sequences, except those with a synthetic image."""
    made = case.get("synthetic", ())
    return {key: value for key, value in case.items() if key != "label" and (key not in absent or key in made)}


def _mean_figures(case: Case, rows: Sequence[Mapping[str, Any]], strategy: str) -> dict[str, Any]:
    """Average the quality of the synthetic sequences of a case; the source is stated where there is a single one."""
    source = "+".join(dict.fromkeys(row["source"] for row in rows)) if strategy.startswith("pairwise") else ""
    means = {name: statistics.fmean(float(row.get(name, math.nan)) for row in rows) for name in IMAGE_SCORES}
    return {"case_id": str(case["case_id"]), "source": source, **means}
