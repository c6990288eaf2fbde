"""Judge filled holes beside what fills them without learning, and beside what was really there."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

import numpy as np
from torch import Tensor
from tqdm import tqdm

from scanfill.inpainting.collect import CollectHoles, Hole
from scanfill.inpainting.judged import Judged, Row
from scanfill.inpainting.judgement_page import write_page
from scanfill.inpainting.judges import auc_of, segment, train_classifier, train_segmenter
from scanfill.inpainting.likeness import dice, errors_in_hole, looks_of
from scanfill.inpainting.straw_fillings import fill_with_blob, fill_with_copy, fill_with_mean
from scanfill.metrics.cohort import write_table
from scanfill.metrics.patient_means import mean_of

REAL, BLOB, COPY, MEAN, MIRRORED = "real", "blob", "copy-paste", "mean fill", "mirrored hemisphere"
"""Rows that no network fills."""

ENOUGH = 0.9
"""AUC that a classifier must reach on the blob for its others to count."""

NEAR = 0.1
"""Largest difference of the find rate from that of real lesions."""

FINDS, TELLS = "a segmenter finds as many as real lesions", "a classifier tells them less easily than a blob"
"""The gates of lesions."""

FOUND = 0.5
"""Share of a lesion that a segmenter must mark for it to be found."""


@dataclass(eq=False, repr=False)
class InpaintingJudgement:
    """Scores the holes that an evaluation has filled, and writes the page.

    Args:
        collected: The holes.
        parts: Label of a part -> its name.
        modalities: Names of the channels.
        output_dir: For ``judgement.html``, ``scores.csv`` and ``looks.csv``.
        healthy: Whether the holes are in healthy tissue: then errors count, and nothing is to be found.
        folds: In so many parts the patients are divided; each part is judged by networks trained on the others.
        classifier_steps: Of the training of each classifier.
        segmenter_steps: Of the training of each segmenter.
        seed: Of these.
        note: Caveat, shown at the top.

    With one patient there are no others to train a judge on, so only errors, contrast and texture are given.
    """

    collected: CollectHoles
    parts: Mapping[int, str]
    modalities: Sequence[str]
    output_dir: str | Path
    _: KW_ONLY
    healthy: bool = False
    folds: int = 5
    classifier_steps: int = 200
    segmenter_steps: int = 300
    seed: int = 0
    note: str = ""

    def run(self) -> Judged:
        """Judge, and write the results."""
        holes = self.collected.holes
        patients = sorted({hole.patient for hole in holes})
        self._add_straw_men(holes)
        rows = [line for hole in holes for line in self._errors(hole)]
        looks = [] if self.healthy else [line for hole in holes for line in self._looks(hole)]
        if not self.healthy and len(patients) > 1:
            self._judge(holes, patients, rows)
        gates = self._healthy_gates(rows) if self.healthy else self._lesion_gates(rows)
        judged = Judged(rows, looks, gates, self.collected.row)
        folder = Path(self.output_dir)
        write_table(rows, folder / "scores.csv", self.note)
        if looks:
            write_table(looks, folder / "looks.csv", self.note)
        write_page(judged, folder / "judgement.html", holes=holes, modalities=self.modalities, note=self.note)
        for gate, (passed, reason) in gates.items():
            print(f"{'passed' if passed else 'FAILED'}: {gate} ({reason})")  # noqa: T201 - the result
        return judged

    def _add_straw_men(self, holes: Sequence[Hole]) -> None:
        rng = np.random.default_rng(self.seed)
        for hole in holes:
            learned = dict(hole.fillings)
            if self.healthy:
                mirrored = hole.extra.get("mirrored")
                straw = {MEAN: fill_with_mean(hole)}
                if mirrored is not None:
                    straw[MIRRORED] = mirrored.where(hole.inside, hole.image)
            else:
                others = [other for other in holes if other.patient != hole.patient]
                straw = {BLOB: fill_with_blob(hole, list(self.parts))}
                if others:
                    straw[COPY] = fill_with_copy(hole, others[int(rng.integers(len(others)))])
            hole.fillings = {**straw, **learned}

    def _errors(self, hole: Hole) -> list[Row]:
        about = {"case_id": hole.case_id, "patient": hole.patient, "voxels": int(hole.inside.sum())}
        rows: list[Row] = [] if self.healthy else [{**about, "row": REAL, "mse": 0.0, "psnr": np.nan, "ssim": 1.0}]
        return rows + [{**about, "row": name, **errors_in_hole(hole, image)} for name, image in hole.fillings.items()]

    def _looks(self, hole: Hole) -> list[Row]:
        real = looks_of(hole.image, hole.label, self.parts, self.modalities)
        lines = []
        for name, image in {REAL: hole.image, **hole.fillings}.items():
            for (part, channel), own in looks_of(image, hole.label, self.parts, self.modalities).items():
                line: Row = {
                    "case_id": hole.case_id,
                    "patient": hole.patient,
                    "row": name,
                    "part": part,
                    "modality": channel,
                }
                truth = real[(part, channel)]
                off = {"contrast_off": abs(own["contrast"] - truth["contrast"])}
                off |= {f"{score}_ratio": own[score] / max(truth[score], 1e-6) for score in ("sd", "grain")}
                lines.append(line | own | off)
        return lines

    def _judge(self, holes: Sequence[Hole], patients: Sequence[str], rows: list[Row]) -> None:
        """Add the find rate, the Dice and the AUC to the lines, by networks that have not seen the patient."""
        part_of = {patient: index % min(self.folds, len(patients)) for index, patient in enumerate(patients)}
        lines = {(line["case_id"], line["row"]): line for line in rows}
        for fold in tqdm(sorted(set(part_of.values())), desc="Judges", unit="fold"):
            known = [hole for hole in holes if part_of[hole.patient] != fold]
            tested = [hole for hole in holes if part_of[hole.patient] == fold]
            segmenter = train_segmenter(known, self.segmenter_steps, self.seed)
            for hole in tested:
                for name, image in {REAL: hole.image, **hole.fillings}.items():
                    found = segment(segmenter, image)
                    share = float((found & hole.inside).sum() / hole.inside.sum())
                    lines[(hole.case_id, name)] |= {"found": float(share >= FOUND), "dice": dice(found, hole.inside)}
            for name in holes[0].fillings:

                def filled(hole: Hole, name: str = name) -> Tensor:
                    return hole.fillings[name]

                classifier = train_classifier(known, filled, self.classifier_steps, self.seed)
                for hole in tested:
                    lines[(hole.case_id, name)]["auc"] = auc_of(classifier, hole, filled)

    def _lesion_gates(self, rows: Sequence[Row]) -> dict[str, tuple[bool, str]]:
        own = self.collected.row
        if len({line["patient"] for line in rows}) < 2:
            few = "only one patient: there are no others to train a judge on"
            return dict.fromkeys((FINDS, TELLS), (False, few))
        rate, real = (mean_of(rows, row, "found") for row in (own, REAL))
        mine, straw = (mean_of(rows, row, "auc") for row in (own, BLOB))
        trusted = straw >= ENOUGH
        nearer = trusted and abs(mine - 0.5) < abs(straw - 0.5)
        said = f"AUC {mine:.2f}, of the blob {straw:.2f}"
        withheld = f"the classifier reaches only {straw:.2f} on the blob, less than {ENOUGH}: its AUC is withheld"
        return {
            FINDS: (
                abs(rate - real) <= NEAR,
                f"{rate:.2f}, of real ones {real:.2f}",
            ),
            TELLS: (nearer, said if trusted else withheld),
        }

    def _healthy_gates(self, rows: Sequence[Row]) -> dict[str, tuple[bool, str]]:
        own = self.collected.row
        straw = [row for row in (MEAN, MIRRORED) if any(line["row"] == row for line in rows)]
        mine = mean_of(rows, own, "mse")
        return {
            f"lower MSE than {row}": (
                mine < mean_of(rows, row, "mse"),
                f"{mine:.5f}, {row} {mean_of(rows, row, 'mse'):.5f}",
            )
            for row in straw
        }
