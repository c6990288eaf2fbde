"""Measure the conditions of an image phantom back from its pixels, by looking for the phantom that explains it best.

First which normal person it resembles, then which finding explains the difference. No network and nothing learned; it
knows how phantoms are drawn, so it is of use for phantoms and for what a generator has learned from them, not for
patients.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.optimize import least_squares
from tqdm import tqdm

from scanfill.data.finding_rule import NORMAL
from scanfill.data.image import header_text
from scanfill.domains.images_2d.conditions import MODALITIES, PLACES, SIZES
from scanfill.domains.images_2d.phantoms.findings import DARK, with_finding
from scanfill.domains.images_2d.phantoms.image import BLUR, DARKEST, GAIN, ORIGIN, ImageCondition, make_image

Picture = NDArray[np.float64]

SEED = 987_654
"""Seed of the normal persons to compare with; no cohort should have it."""

NEAREST = 12
"""Number of normal persons whose mean a finding is seen against."""

OUTLIER = 0.06
"""Largest difference of gray values that counts when persons are compared, so that a finding does not decide it."""


FAINTEST = -0.15
"""Smallest severity of a finding; 0 is the weakest that is drawn."""

NEEDED = 0.7
"""Largest share of the squared difference near a finding that may remain unexplained by it; else there is none."""


COMPONENTS = 12
"""Principal components of normal images that age is a linear function of: more than a person has parameters."""


class _Normal:
    """Normal persons of one modality: their conditions and their images ``(N, size, size)``."""

    def __init__(self, people: list[ImageCondition], images: NDArray[np.float32]) -> None:
        self.people, self.images = people, images
        self.mean = images.mean(axis=0)
        _, _, axes = np.linalg.svd((images - self.mean).reshape(len(images), -1), full_matrices=False)
        self.axes = axes[:COMPONENTS]
        scores = np.column_stack([self._scores(image) for image in images])
        self.weights = np.linalg.lstsq(scores.T, [person.age for person in people], rcond=None)[0]

    def age(self, image: NDArray[Any]) -> float:
        """Return the age that an image without a finding shows."""
        return float(self.weights @ self._scores(image))

    def _scores(self, image: NDArray[Any]) -> NDArray[np.float64]:
        return np.append(self.axes @ (image - self.mean).ravel(), 1.0)


class Measurer:
    """Measure modality, pathology, severity, place, size, age and sex of images.

    Args:
        size: Pixels per side of the images.
        people: Number of normal persons per modality.
        modalities: Those that an image may be of.
    """

    def __init__(self, size: int = 64, people: int = 200, modalities: tuple[str, ...] = tuple(MODALITIES)) -> None:
        self.size = size
        self.normals: dict[str, _Normal] = {}
        for number, modality in enumerate(modalities):
            random = np.random.default_rng((SEED, number))
            known = [
                ImageCondition(modality, NORMAL, None, None, None, None, float(age), str(sex))
                for age, sex in zip(random.uniform(20, 90, people), random.choice(["F", "M"], people), strict=True)
            ]
            drawn = [make_image(person, (SEED, number, index), size) for index, person in enumerate(known)]
            self.normals[modality] = _Normal(known, np.stack(drawn).astype(np.float32) / np.float32(255))

    def __call__(self, image: NDArray[np.uint8]) -> ImageCondition:
        """Measure one image.

        Args:
            image: Gray values of 0 to 255, ``(size, size)``, x first.
        """
        shown = image.astype(np.float32) / np.float32(255)
        apart = {name: self._differences(normal, shown) for name, normal in self.normals.items()}
        modality = min(apart, key=lambda name: float(np.sort(apart[name])[:NEAREST].mean()))
        normal, order = self.normals[modality], np.argsort(apart[modality])[:NEAREST]
        sex = "M" if 2 * sum(normal.people[index].sex == "M" for index in order) > len(order) else "F"
        usual = normal.images[order].mean(axis=0).astype(np.float64)
        finding = _explained(shown.astype(np.float64), usual, modality)
        without = shown if finding[0] == NORMAL else shown - _added(usual, (modality, finding[0]), finding[1:])
        return ImageCondition(modality, *finding, normal.age(without), sex)

    def _differences(self, normal: _Normal, image: NDArray[np.float32]) -> NDArray[np.float32]:
        difference = np.minimum(np.abs(normal.images - image), OUTLIER)
        return np.asarray(difference.mean(axis=(1, 2)))


def measurer_of(cases: Sequence[Mapping[str, Any]], size: int) -> Callable[[Any], list[dict[str, Any]]] | None:
    """Return what measures images of the modalities of some phantoms; None if the cases are not phantoms.

    It takes images ``(N, 1, size, size)`` in -1 to 1, and returns the conditions of each; those of a finding that is
    not seen are missing.

    Args:
        cases: Cases with ``image`` and ``modality``.
        size: Pixels per side of the images to measure.
    """
    if not cases or not all(header_text(str(case["image"])).startswith(ORIGIN) for case in cases):
        return None
    measurer = Measurer(size, modalities=tuple(sorted({str(case["modality"]) for case in cases})))

    def measure(images: Any) -> list[dict[str, Any]]:
        gray = np.clip(np.rint((np.asarray(images)[:, 0] + 1) * 127.5), 0, 255).astype(np.uint8)
        found = (asdict(measurer(image)) for image in tqdm(gray, desc="Measuring", unit="image"))
        return [{name: value for name, value in each.items() if value is not None} for each in found]

    return measure


def _explained(
    image: Picture, usual: Picture, modality: str
) -> tuple[str, float | None, float | None, float | None, float | None]:
    """Return pathology, severity, x, y and size of the finding that explains an image best."""

    def difference(values: NDArray[np.float64], pathology: str) -> Picture:
        x, y, size, severity = values
        added = _added(usual, (modality, pathology), (severity, x, y, size))
        return np.asarray((image - usual - added).ravel())

    near, far = PLACES
    low, high = [near - 0.1, near - 0.1, 0.5 * SIZES[0], -0.45], [far + 0.1, far + 0.1, 1.5 * SIZES[1], 1.5]
    least, best = np.inf, np.zeros(4)
    found = NORMAL
    for pathology in MODALITIES[modality][1:]:
        sign = -1 if (modality, pathology) in DARK else 1
        start = np.clip([*_peak(sign * (image - usual)), np.mean(SIZES), 0.5], low, high)
        fit = least_squares(difference, start, bounds=(low, high), args=(pathology,), diff_step=1e-3, max_nfev=25)
        if fit.cost < least:
            least, best, found = fit.cost, fit.x, pathology
    if found == NORMAL or not _is_needed((image - usual).ravel(), difference(best, found), best):
        return NORMAL, None, None, None, None
    x, y, size, severity = (float(value) for value in best)
    return found, severity, x, y, size


def _added(usual: Picture, what: tuple[str, str], values: Sequence[Any]) -> Picture:
    """Return what a finding of a severity, x, y and size adds to the image of a normal person."""
    severity, x, y, size = values
    tissue = np.clip((usual - DARKEST) / GAIN, 0, None)
    shown = with_finding(tissue, what, (x, y), size, severity) - tissue
    return np.asarray(GAIN * gaussian_filter(shown, BLUR * len(usual)))


def _is_needed(without: Picture, having: Picture, values: NDArray[np.float64]) -> bool:
    """Return whether a finding explains a good part of the difference where it lies."""
    side = round(len(without) ** 0.5)
    ticks = (np.arange(side) + 0.5) / side
    near = np.hypot(ticks[:, None] - values[0], ticks[None] - values[1]).ravel() < 1.2 * values[2]
    return bool(values[3] > FAINTEST and (having[near] ** 2).sum() < NEEDED * (without[near] ** 2).sum())


def _peak(difference: Picture) -> tuple[float, float]:
    """Return where a blurred difference is largest, within the places of findings."""
    blurred = gaussian_filter(difference, np.mean(SIZES) * len(difference) * 0.5)
    ticks = (np.arange(len(difference)) + 0.5) / len(difference)
    inside = (ticks > PLACES[0] - 0.05) & (ticks < PLACES[1] + 0.05)
    blurred[~(inside[:, None] & inside[None])] = -np.inf
    x, y = np.unravel_index(np.argmax(blurred), blurred.shape)
    return float(ticks[x]), float(ticks[y])
