"""Judge slices that were drawn from label maps: do they show the mask, look real, vary, copy; beside straw men."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from scanfill.errors import CaseError, UsageError
from scanfill.generation.judge import FeatureSpace
from scanfill.label_to_image.alignment import Regions, overlap_with_mask, train_segmenter_of_slices
from scanfill.label_to_image.collect import CollectSlices
from scanfill.label_to_image.judged import NEAREST, NETWORK, PAINTED, PIXELS, REAL, TEXTURE, Judged, write_judged
from scanfill.label_to_image.judgement_page import write_page
from scanfill.label_to_image.slice_gates import gates_of
from scanfill.label_to_image.slices import Slice
from scanfill.label_to_image.straw_slices import ClassTones, most_overlapping
from scanfill.label_to_image.texture import NAME, TEXTURES, TextureNetwork
from scanfill.metrics.patient_means import FEWEST, interval_of, patient_means
from scanfill.metrics.sample_distances import frechet_distance, kernel_distance, kernel_distances_of_draws
from scanfill.metrics.sample_diversity import mean_similarity, similarity_of_looks
from scanfill.metrics.sample_neighbors import closest_pairs, nearest, share_of_copies

DATA_RANGE = 2.0
"""Difference of the largest and the smallest gray value, -1 to 1."""

MARGIN = 0.5
"""Share of the smallest distance of a held-out slice below which a slice counts as a copy of a training slice."""

CLOSEST = 5
"""Number of slices that are shown beside the nearest training slice."""

Features = NDArray[np.floating]
Place = Callable[[Tensor], Features]


@dataclass(eq=False, repr=False)
class SliceJudgement:
    """Judges what an evaluation has drawn, and writes the page; see :py:func:`judge_slices`.

    Args:
        collected: The held-out slices, with what was drawn from their label maps.
        training: The generator's training slices, from :py:func:`~scanfill.label_to_image.labelled_slices`.
        regions: Name of each region and its labels; the segmenter has a channel for each.
        output_dir: For ``judgement.html``, ``judgement.json``, ``scores.csv`` and a picture.
        steps: Steps of the segmenter's training.
        draws: Bootstrap samples of an interval.
        seed: Of everything random.
        note: Caveat, shown at the top.
    """

    collected: CollectSlices
    training: Sequence[Mapping[str, Any]]
    regions: Regions
    output_dir: str | Path
    _: KW_ONLY
    steps: int = 500
    draws: int = 1000
    seed: int = 0
    note: str = ""

    def run(self) -> Judged:
        """Judge, and write the results."""
        training, held_out = [self.collected.slice_of(case) for case in self.training], self.collected.slices
        options = {"steps": self.steps, "draws": self.draws, "seed": self.seed}
        judged, images = judge_slices(held_out, training, self.regions, **options)
        folder = Path(self.output_dir)
        written = write_judged(judged, folder, self.note)
        written += write_page(judged, folder, images=images, held_out=held_out, training=training, note=self.note)
        print("Judged:", *written, sep="\n  ")  # noqa: T201 - the result that a person looks for
        return judged


def judge_slices(
    held_out: Sequence[Slice],
    training: Sequence[Slice],
    regions: Regions,
    *,
    steps: int = 500,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[Judged, dict[str, Tensor]]:
    """Judge what a network drew from the label maps of held-out slices, and straw men beside it.

    Args:
        held_out: Real slices of patients that the network has not seen, each with what it drew.
        training: Its training slices.
        regions: Name of each region and its labels.
        steps: Steps of the segmenter's training.
        draws: Bootstrap samples of an interval.
        seed: Seed of everything random.

    Returns:
        What was found; and the images of each row, ``(N, 1, X, Y)`` in -1 to 1.

    Raises:
        CaseError: There is nothing to compare, or a patient is on both sides.
    """
    _check(held_out, training)
    images = _rows_of(held_out, training, regions, seed)
    judged = Judged(about=_about(held_out, training, steps, draws))
    segmenter = train_segmenter_of_slices(training, regions, steps=steps, seed=seed)
    known = torch.stack([one.image for one in training])
    space = FeatureSpace(TextureNetwork(seed), known)
    places: dict[str, Place] = {
        PIXELS: lambda pixels: np.asarray(pixels.flatten(1)),
        TEXTURE: lambda pixels: np.asarray(space.features(pixels)),
    }
    trained = {name: place(known) for name, place in places.items()}
    for row, pixels in tqdm(images.items(), desc="Judging", unit="row"):
        drawn = {name: place(pixels) for name, place in places.items()}
        apart = {name: nearest(drawn[name], trained[name]) for name in places}
        for index, one in enumerate(held_out):
            line = {"case_id": one.case_id, "patient": one.patient, "slice": one.number, "row": row}
            line |= overlap_with_mask(segmenter, pixels[index], one, regions)
            for name, (distances, which) in apart.items():
                line |= {f"{name}_distance": float(distances[index]), f"{name}_nearest": training[which[index]].name}
            judged.lines.append(line)
        for name, (distances, _) in apart.items():
            judged.distances.setdefault(name, {})[row] = distances.tolist()
        if row == NETWORK:
            judged.closest = {name: closest_pairs(drawn[name], trained[name], CLOSEST) for name in places}
        judged.scores[row] = _overlaps(judged.lines, row, regions) | _copies(drawn, trained, images[REAL], places)
        judged.scores[row]["ms_ssim"] = mean_similarity(pixels, DATA_RANGE, seed)
    _add_distances(judged, images, held_out, training, places[TEXTURE], draws=draws, seed=seed)
    _add_looks(judged, held_out)
    judged.gates = {row: gates_of(row, judged.scores, regions, judged.about) for row in images}
    return judged, images


def _check(held_out: Sequence[Slice], training: Sequence[Slice]) -> None:
    if not held_out or len(training) < 2:
        msg = f"A judgement needs a drawn slice and two training slices, got {len(held_out)} and {len(training)}."
        raise CaseError(msg)
    if both := sorted({one.patient for one in held_out} & {one.patient for one in training}):
        msg = f"Patient {both[0]} is among the training patients and among those held out: the judgement would flatter."
        raise CaseError(msg)


def _rows_of(held_out: Sequence[Slice], training: Sequence[Slice], regions: Regions, seed: int) -> dict[str, Tensor]:
    tones = ClassTones.of(training)
    copied = [training[most_overlapping(one, training, list(regions.values()))].image for one in held_out]
    return {
        REAL: torch.stack([one.image for one in held_out]),
        NETWORK: torch.stack([one.looks[0] for one in held_out]),
        PAINTED: torch.stack([tones.paint(one, seed + index) for index, one in enumerate(held_out)]),
        NEAREST: torch.stack(copied),
    }


def _about(held_out: Sequence[Slice], training: Sequence[Slice], steps: int, draws: int) -> dict[str, Any]:
    return {
        "slices": len(held_out),
        "patients": len({one.patient for one in held_out}),
        "training_slices": len(training),
        "training_patients": len({one.patient for one in training}),
        "features": NAME,
        "data_range": DATA_RANGE,
        "segmenter_steps": steps,
        "draws": draws,
        "patients_of_an_interval": FEWEST,
    }


def _overlaps(lines: Sequence[Mapping[str, Any]], row: str, regions: Regions) -> dict[str, float]:
    """Return mean, interval, patients and slices of the Dice of each region."""
    found: dict[str, float] = {}
    for region in regions:
        means = list(patient_means(lines, row, f"dice_{region}").values())
        low, high = interval_of(means) or (np.nan, np.nan)
        found |= {f"dice_{region}": float(np.mean(means)) if means else np.nan}
        found |= {f"dice_low_{region}": low, f"dice_high_{region}": high, f"patients_{region}": len(means)}
        found[f"slices_{region}"] = sum(line["row"] == row and line[f"pixels_{region}"] > 0 for line in lines)
    return found


def _copies(
    drawn: Mapping[str, Features], trained: Mapping[str, Features], real: Tensor, places: Mapping[str, Place]
) -> dict[str, float]:
    """Return the share of near copies in each space, and of slices that are nearer than any held-out one."""
    found = {}
    for name, place in places.items():
        unseen = place(real)
        found[f"copies_{name}"] = share_of_copies(drawn[name], trained[name], unseen, quantile=0, margin=MARGIN)
        found[f"nearer_{name}"] = share_of_copies(drawn[name], trained[name], unseen, quantile=0)
    return found


def _add_distances(
    judged: Judged,
    images: Mapping[str, Tensor],
    held_out: Sequence[Slice],
    training: Sequence[Slice],
    place: Place,
    *,
    draws: int,
    seed: int,
) -> None:
    """Add the kernel distance of each row to the held-out slices; that of real slices is of the training slices."""
    real, owners = place(images[REAL]), [one.patient for one in held_out]
    trained = place(torch.stack([one.image for one in training])), [one.patient for one in training]
    rows = {row: trained if row == REAL else (place(pixels), owners) for row, pixels in images.items()}
    if len(held_out) < 2:
        for row in rows:
            judged.scores[row] |= dict.fromkeys(("kid", "kid_low", "kid_high", "kid_above_painted"), np.nan)
        judged.about["frechet"] = "there is only one held-out slice."
        return
    options = {"draws": draws, "seed": seed}
    drawn = {row: kernel_distances_of_draws(real, own, (owners, who), **options) for row, (own, who) in rows.items()}
    enough = len(set(owners)) >= FEWEST
    for row, (own, _) in rows.items():
        scores = judged.scores[row]
        scores["kid"] = kernel_distance(real, own)
        low, high = np.nanquantile(drawn[row], [0.025, 0.975]) if enough else (np.nan, np.nan)
        above = np.nanquantile(drawn[row] - drawn[PAINTED], 0.975) if enough else np.nan
        scores |= {"kid_low": float(low), "kid_high": float(high), "kid_above_painted": float(above)}
    try:
        for row, (own, _) in rows.items():
            judged.scores[row][f"frechet_{TEXTURES}"] = frechet_distance(real, own)
    except UsageError:
        fewest = min(len(real), len(training))
        judged.about["frechet"] = f"it needs more slices than the {TEXTURES} features, but one set has only {fewest}."


def _add_looks(judged: Judged, held_out: Sequence[Slice]) -> None:
    """Add how different the looks of one mask are: MS-SSIM of pairs, and the SD of a pixel over looks."""
    looks = [torch.stack(one.looks) for one in held_out]
    several = [images for images in looks if len(images) > 1]
    judged.about["looks"] = max(map(len, looks))
    judged.scores[NETWORK] |= {
        "ms_ssim_looks": similarity_of_looks(looks, DATA_RANGE),
        "sd_looks": float(np.mean([float(images.std(dim=0).mean()) for images in several])) if several else np.nan,
    }
