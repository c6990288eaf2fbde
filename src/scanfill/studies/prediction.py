"""Predict every missing set of the patients of one fold, with one strategy and seed, in one process.

Below the output folder each missing set has a folder (``flair``, ``t1ce+flair``, ``flair_from_t2``, ``nothing``) with
one subfolder per case. ``image_quality.csv`` has the quality of the synthetic sequences; ``receipt.json`` is written
last.
"""

import json
import shutil
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from scanfill.data import read_list
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.engines.checkpoint_files import read_record
from scanfill.files import writing
from scanfill.metrics.cohort import write_table
from scanfill.missing.generators import Generator

from .images import FIGURES, KINDS, Trained, judge_image, make_images, open_trained, trained_from
from .label_maps import Segmenter
from .strategies import folder_of, join
from .training import job_facts

Case = dict[str, Any]

QUALITY = ("missing", "target", "source", "case_id", "patient", *FIGURES)
"""Columns of ``image_quality.csv``; several sources are joined by ``+``."""


@dataclass
class Maker:
    """Generator of missing sequences: pairwise synthesizers or one completion network.

    Attributes:
        kind: ``synthesis`` or ``completion``.
        models: All networks of the job.
        ranking: For ``synthesis``: target -> sources, the one with the lowest inner-validation error first.
        folder: Temporary folder.
        device: Device to run the networks on.
    """

    kind: str
    models: Mapping[str, Trained]
    ranking: Mapping[str, Sequence[str]]
    folder: Path
    device: torch.device | str
    _opened: dict[str, Generator] = field(default_factory=dict)

    def sources(self, target: str, task: Mapping[str, Any]) -> list[str]:
        """Return the sources of a sequence: only acquired ones, never synthetic ones."""
        there = [name for name in MODALITIES if name not in task["missing"]]
        if self.kind == "completion":
            return there
        return [task["source"] or next(name for name in self.ranking[target] if name in there)]

    def generator(self, target: str, sources: Sequence[str]) -> Generator:
        """Return the network for a sequence; it is opened only once."""
        name = "completion" if self.kind == "completion" else f"synthesis_{sources[0]}_to_{target}"
        if name not in self._opened:
            goal = None if self.kind == "completion" else target
            model, folder = self.models[name], self.folder / name
            self._opened[name] = open_trained(model, self.kind, goal, folder=folder, device=self.device)
        return self._opened[name]

    def complete(self, case: Case, task: Mapping[str, Any]) -> tuple[Case, list[dict[str, Any]], float]:
        """Synthesize the missing sequences of a case.

        Returns:
            The case with the synthetic images instead of the missing ones; the quality of each; the seconds it took.
        """
        images: dict[str, str] = {}
        rows, seconds = [], 0.0
        for target in task["missing"]:
            sources = self.sources(target, task)
            generator = self.generator(target, sources)
            if target not in images:
                wanted = task["missing"] if self.kind == "completion" else [target]
                folder = self.folder / generator.option
                begin = time.monotonic()
                images |= make_images(generator, case, sources, wanted, folder)
                seconds += time.monotonic() - begin
            row = {"missing": join(task["missing"]), "target": target, "source": "+".join(sources)}
            row |= {"case_id": case["case_id"], "patient": case["patient"]}
            rows.append(row | judge_image(images[target], case, generator, target, sources))
        return case | images | {"synthetic": list(images)}, rows, seconds

    def clear(self) -> None:
        """Remove all images synthesized so far; the networks stay open."""
        for name in self._opened:
            shutil.rmtree(self.folder / name, ignore_errors=True)


def predict(
    datalist: str | Path,
    output_dir: str | Path,
    *,
    dataset_dir: str | Path,
    about: Mapping[str, Any],
    tasks: Sequence[Mapping[str, Any]],
    models: Mapping[str, str],
    images: str | None = None,
    choice: str | Path | None = None,
    keep_images: int = 3,
    device: torch.device | str = "cpu",
) -> None:
    """Predict all validation and test cases of a fold with one strategy.

    Args:
        datalist: Case list of the fold.
        output_dir: Output folder; results of an earlier run are removed first.
        dataset_dir: Folder of the cases.
        about: Strategy, seed and fold, for the receipt.
        tasks: Tasks with a ``missing`` set, the ``segmenter`` for it, and a ``source`` or "".
        models: Name -> folder of the bundle written by its training.
        images: Kind of network that synthesizes missing sequences: ``synthesis``, ``completion`` or None.
        choice: For ``synthesis``: ``sources.json`` of the fold.
        keep_images: Number of cases whose synthetic images are kept, in ``images``.
        device: Device to run the networks on.

    Raises:
        CaseError: A network was trained on a case, or a case could not be predicted.
    """
    folder = Path(output_dir)
    shutil.rmtree(folder, ignore_errors=True)
    split = read_list(datalist, dataset_dir, MODALITIES, schema=SCHEMA)
    cases = [*split["validation"], *split.get("test", [])]
    trained = trained_from(models)
    ranking = json.loads(Path(choice).read_text(encoding="utf-8")) if choice else {}
    maker = Maker(images, trained, ranking, folder / "scratch", device) if images else None
    segmenters: dict[str, Segmenter] = {}
    quality, costs = [], []
    for task in tqdm(tasks, desc=str(about.get("strategy", "")), unit="set"):
        name = task["segmenter"]
        if name not in segmenters:
            segmenters[name] = Segmenter(trained[name], device)
        used = maker if task["missing"] else None
        made = [used.complete(case, task) if used else (case, [], 0.0) for case in cases]
        given = [case for case, _, _ in made]
        quality += [row for _, rows, _ in made for row in rows]
        making = statistics.fmean(seconds for *_, seconds in made)
        strategy = KINDS[used.kind] if used else "zero"
        seconds = segmenters[name].run(given, task["missing"], strategy, folder / folder_of(task))
        costs.append({**task, "seconds_a_case": seconds + making, "of_them_making_images": making})
        _keep(given[:keep_images], folder / "images" / folder_of(task))
        if used:
            used.clear()
    shutil.rmtree(folder / "scratch", ignore_errors=True)
    if quality:
        write_table([{key: row[key] for key in QUALITY} for row in quality], folder / "image_quality.csv", "")
    receipt = {
        **about,
        "models": {name: _model_facts(model) for name, model in trained.items()},
        "tasks": costs,
        "cases": len(cases),
        **job_facts(device),
    }
    with writing(folder / "receipt.json") as temporary:
        temporary.write_text(json.dumps(receipt, indent=1) + "\n", encoding="utf-8")


def _model_facts(model: Trained) -> dict[str, Any]:
    """Return the weights and the patients they were trained on, so that these are never scored."""
    receipt = json.loads((model.folder / "receipt.json").read_text(encoding="utf-8"))
    return {"sha256": receipt["sha256"], "training": read_record(model.checkpoint)["training"]}


def _keep(cases: Sequence[Case], folder: Path) -> None:
    """Copy the synthetic images of a few cases, with their sidecars, to a permanent folder."""
    for case in cases:
        for name in case.get("synthetic", ()):
            source = Path(case[name])
            (folder / str(case["case_id"])).mkdir(parents=True, exist_ok=True)
            for file in source.parent.glob(f"{source.name.removesuffix('.nii.gz')}.*"):
                shutil.copy2(file, folder / str(case["case_id"]) / file.name)
