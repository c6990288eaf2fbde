"""Image phantoms: an image of one of six modalities from its conditions, and cohorts of them on disk.

Phantoms are for testing the software; they say nothing about patients.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from scipy.ndimage import gaussian_filter
from tqdm import tqdm

from scanfill.data.condition_cohorts import check_cohort, draw_combination, is_there, write_conditions
from scanfill.data.finding_rule import NORMAL
from scanfill.domains.images_2d.conditions import MODALITIES, OF_FINDING, PLACES, SIZES, quadrant
from scanfill.domains.images_2d.phantoms.anatomy import ANATOMY, Canvas, Person, with_grain
from scanfill.domains.images_2d.phantoms.findings import with_finding
from scanfill.errors import UsageError
from scanfill.files import writing
from scanfill.replacing import SOFTWARE

SMALLEST_SIZE, LARGEST_SIZE = 16, 1024

BLUR = 0.4 / 64
"""SD of the blur, in sides of the image."""

DARKEST, GAIN = 0.08, 0.8
"""Gray value of nothing, and the factor of everything else, so that little is clipped."""

ORIGIN = "scanfill image phantom"

QUADRANTS = ("upper left", "upper right", "lower left", "lower right")


@dataclass(frozen=True)
class ImageCondition:
    """The cause of an image.

    Attributes:
        modality: One of :py:data:`~scanfill.domains.images_2d.conditions.MODALITIES`.
        pathology: One that the modality can show.
        severity: Contrast of the finding, 0 to 1; None for a normal image, like place and size.
        x: Its center, from the left, in widths of the image.
        y: Its center, from the top.
        size: Radius of the disc with the same second moment, in heights of the image.
        age: Years.
        sex: ``F`` or ``M``.
    """

    modality: str
    pathology: str
    severity: float | None
    x: float | None
    y: float | None
    size: float | None
    age: float
    sex: str


def draw_condition(
    random: np.random.Generator, modalities: tuple[str, ...] = tuple(MODALITIES), *, confounded: bool = False
) -> ImageCondition:
    """Draw a condition.

    Args:
        random: Random numbers.
        modalities: Those to draw from.
        confounded: Whether severity goes up with age and each pathology prefers one quadrant. Otherwise all are
            independent, except that a modality decides which pathologies there are.
    """
    modality = modalities[random.integers(len(modalities))]
    pathology = MODALITIES[modality][random.integers(len(MODALITIES[modality]))]
    severity, x, y, size, age = random.random(5)
    sex = "FM"[random.integers(2)]
    if confounded:
        severity = 0.8 * age + 0.2 * severity
        preferred = QUADRANTS.index(held_out_quadrant(modality, pathology))
        x, y = 0.5 * x + 0.5 * (preferred % 2), 0.5 * y + 0.5 * (preferred // 2)
    years = round(20 + 70 * age)
    if pathology == NORMAL:
        return ImageCondition(modality, pathology, None, None, None, None, years, sex)
    (near, far), (small, large) = PLACES, SIZES
    x, y = (round(near + (far - near) * share, 3) for share in (x, y))
    size = round(small + (large - small) * size, 4)
    return ImageCondition(modality, pathology, round(severity, 3), x, y, size, years, sex)


def held_out_quadrant(modality: str, pathology: str) -> str:
    """Return the quadrant in which a training cohort never has a pathology; they take turns."""
    shift = list(MODALITIES).index(modality)
    return QUADRANTS[(MODALITIES[modality].index(pathology) + shift) % 4]


def is_held_out(condition: ImageCondition) -> bool:
    """Return whether a training cohort never has this pathology in this quadrant."""
    if condition.x is None or condition.y is None:
        return False
    return quadrant(condition.x, condition.y) == held_out_quadrant(condition.modality, condition.pathology)


def make_image(condition: ImageCondition, seed: tuple[int, ...] | int, size: int = 64) -> NDArray[np.uint8]:
    """Create the image of a condition.

    Args:
        condition: Its cause.
        seed: Everything else: the person's shape, exposure, noise.
        size: Pixels per side; another size samples the same image on another grid, except for the noise.

    Returns:
        Gray values, ``(size, size)``, x first.

    Raises:
        UsageError: The size is out of range, or the modality does not show the pathology.
    """
    if not SMALLEST_SIZE <= size <= LARGEST_SIZE:
        msg = f"An image phantom needs a size of {SMALLEST_SIZE} to {LARGEST_SIZE} pixels per side, got size={size}."
        raise UsageError(msg)
    if condition.pathology not in MODALITIES.get(condition.modality, ()):
        able = ", ".join(MODALITIES.get(condition.modality, ())) or f"nothing; there are {', '.join(MODALITIES)}"
        msg = f"A {condition.modality} phantom cannot show {condition.pathology}; it can show {able}."
        raise UsageError(msg)
    random = np.random.default_rng(seed)
    person = Person(condition.age, condition.sex, np.clip(random.normal(size=8), -2, 2))
    canvas = Canvas(size, person)
    image = ANATOMY[condition.modality](canvas)
    if condition.pathology != NORMAL:
        x, y, radius, severity = (float(value) for value in _of_finding(condition))
        image = with_finding(image, (condition.modality, condition.pathology), (x, y), radius, severity)
    image = gaussian_filter(image, BLUR * size) * random.uniform(0.95, 1.05)
    image = with_grain(image, condition.modality, random)
    shown: NDArray[np.uint8] = (255 * np.clip(DARKEST + GAIN * image, 0, 1)).round().astype(np.uint8)
    return shown


def write_cohort(
    folder: str | Path,
    cases: int = 200,
    size: int = 64,
    seed: int = 0,
    *,
    modalities: tuple[str, ...] | list[str] | None = None,
    combinations: str = "all",
    confounded: bool = False,
) -> list[Path]:
    """Write ``images/<name>.png`` and ``conditions.csv``: the layout of real data.

    Args:
        folder: Folder for the cohort; created if missing.
        cases: Number of images, each of another person.
        size: Pixels per side.
        seed: Seed of the cohort; the same seed gives the same files.
        modalities: Those to draw from; by default all six.
        combinations: ``training`` leaves one quadrant per modality and pathology out; ``held_out`` has only these.
        confounded: See :py:func:`draw_condition`.

    Returns:
        The images.

    Raises:
        UsageError: No cases, a negative seed, an unknown option, or a size out of range.
    """
    chosen = check_cohort(cases, seed, modalities, combinations, known=MODALITIES, what="image")
    root, rows, images = Path(folder), [], []
    for index in tqdm(range(cases), desc="image phantoms", unit="image"):
        condition = _condition(seed, index, chosen, combinations, confounded=confounded)
        name = f"{condition.modality}_{seed}_{index + 1:05d}"
        origin = _origin(seed, index, size, chosen, combinations, confounded=confounded)
        images.append(_write(root / "images" / f"{name}.png", make_image(condition, (seed, index, 1), size), origin))
        rows.append({"case_id": name, **asdict(condition)})
    write_conditions(root, rows)
    return images


def image_cohort(folder: str | Path, cases: int = 200, size: int = 64, seed: int = 0, **options: Any) -> str:
    """Return the folder of a phantom cohort, writing it if it is missing or different.

    Phantoms of another cohort are removed from the folder first; other files are left alone.

    Args:
        folder: Folder of the cohort.
        cases: Number of images.
        size: Pixels per side.
        seed: Seed of the cohort.
        options: See :py:func:`write_cohort`.

    Returns:
        ``folder``, for use as a bundle's ``dataset_dir``.
    """
    about = options.get("modalities"), options.get("combinations", "all")
    chosen = check_cohort(cases, seed, *about, known=MODALITIES, what="image")
    how = {"confounded": options.get("confounded", False)}
    wanted = {_origin(seed, index, size, chosen, about[1], **how) for index in range(cases)}
    if not is_there(Path(folder), "images/*.png", wanted, ORIGIN):
        write_cohort(folder, cases=cases, size=size, seed=seed, **options)
    return str(folder)


def _of_finding(condition: ImageCondition) -> list[Any]:
    values = [getattr(condition, name) for name in ("x", "y", "size", "severity")]
    if None in values:
        msg = f"A finding needs {', '.join(OF_FINDING)}, got {condition}."
        raise UsageError(msg)
    return values


def _condition(
    seed: int, index: int, modalities: tuple[str, ...], combinations: str, *, confounded: bool
) -> ImageCondition:
    """Return the condition of an image of a cohort."""
    return draw_combination(
        np.random.default_rng((seed, index, 0)),
        lambda random: draw_condition(random, modalities, confounded=confounded),
        is_held_out,
        combinations,
    )


def _origin(
    seed: int, index: int, size: int, modalities: tuple[str, ...], combinations: str, *, confounded: bool
) -> str:
    about = f"{combinations} combinations of {', '.join(modalities)}" + ", confounded" * confounded
    return f"{ORIGIN} {seed}/{index}, {size} pixels, {about}"


def _write(path: Path, image: NDArray[np.uint8], origin: str) -> Path:
    about = PngInfo()
    about.add_text("Software", SOFTWARE)
    about.add_text("Description", origin)
    with writing(path) as temporary:
        Image.fromarray(np.ascontiguousarray(image.T)).save(temporary, format="png", pnginfo=about)
    return path
