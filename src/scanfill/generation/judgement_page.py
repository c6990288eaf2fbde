"""One page about a generator: the answer first, then figures and pictures behind it."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from scanfill.generation.gates import Gate
from scanfill.generation.judge import FEATURES
from scanfill.generation.judgement import JUDGE, MEASURED, REAL, SAMPLES, Images, Judged
from scanfill.report.page import Figure, Mark, Page, Section, Table
from scanfill.report.sample_pictures import draw_closest, draw_distances, draw_sheet_of_rows

NOT_ANONYMOUS = (
    "Generated images may resemble training images more than these figures show. They are not anonymous by "
    "themselves: treat them like the data that the generator was trained on."
)
ALL_TOGETHER = "Each straw man is good at something, so only all gates together say anything."
SHOWN = 8
"""Images of each row in the sheet."""


def write_page(
    judged: Judged, path: str | Path, *, samples: Images, training: Images, sheets: dict[str, Tensor], note: str = ""
) -> Path:
    """Write the page.

    Args:
        judged: What was found.
        path: The page.
        samples: The generated images.
        training: The training images.
        sheets: Row -> some of its images, ``(N, 1, X, Y)`` in -1 to 1.
        note: Caveat, shown at the top.
    """
    histogram, closest = partial(_histogram, judged), partial(_closest, judged, samples, training)
    sections = [
        Section("Answer", _answer(judged), [gate_table(judged.gates, ALL_TOGETHER)]),
        Section(
            "What it looks like", "", figures=[Figure(draw_sheet_of_rows(sheets, SHOWN), "Some images of each row.")]
        ),
        Section(
            "Does it show what it is asked for?", _about_fidelity(judged), [*_fidelity(judged), _specificity(judged)]
        ),
        Section("Is it of use for training?", _about_use(), [_use(judged)]),
        Section("How near is it to real images?", _about_distance(), [_distances(judged)]),
        Section(
            "Does it copy?",
            _about_copies(),
            [_copies(judged)],
            [figure(space) for space in judged.distances for figure in (histogram, closest)],
        ),
    ]
    return Page("Generated images, judged", sections, note, wide=True).write(path)


def _answer(judged: Judged) -> str:
    failed = [gate for gate in judged.gates[SAMPLES] if not gate.passed]
    straw = [row for row in judged.gates if row != SAMPLES]
    passing = [row for row in straw if judged.passes(row)]
    first = (
        "The samples pass all gates."
        if not failed
        else ("The samples do not pass: " + "; ".join(f"{gate.name} ({gate.reason})" for gate in failed) + ".")
    )
    second = f"Of {len(straw)} straw men, which generate nothing, {len(passing) or 'none'} passes all of them."
    return f"{first} {second}\n\n{NOT_ANONYMOUS}"


def gate_table(gates: Mapping[str, Sequence[Gate]], caption: str) -> Table:
    """Return which row passes which gate.

    Args:
        gates: Row -> its gates, the same ones of each.
        caption: What the table shows.
    """
    names = [gate.name for gate in next(iter(gates.values()))]
    rows = [[row, *map(_mark, found)] for row, found in gates.items()]
    return Table(["row", *names], rows, caption)


def _mark(gate: Gate) -> Mark:
    if gate.undecided:
        return Mark("undecided", "warn")
    return Mark("yes", "good") if gate.passed else Mark("no", "bad")


def _about_fidelity(judged: Judged) -> str:
    fitted = "Measured: the parameters of the phantom that explains the image best. " if _is_measured(judged) else ""
    return (
        f"{fitted}Judge: a network trained on real images that the generator has not seen. Of numbers: correlation of "
        f"asked and measured, slope, mean absolute error. Real images show how good the instrument is."
    )


def _is_measured(judged: Judged) -> bool:
    return MEASURED in judged.fidelity[REAL]


def _fidelity(judged: Judged) -> list[Table]:
    tables = []
    for tool in judged.fidelity[REAL]:
        conditions = [line["condition"] for line in judged.fidelity[SAMPLES][tool]]
        rows = [
            [row, *[_figure(line) for name in conditions for line in found[tool] if line["condition"] == name]]
            for row, found in judged.fidelity.items()
            if len(found[tool]) == len(conditions)
        ]
        tables.append(Table(["row", *conditions], rows, f"Instrument: {'judge' if tool == JUDGE else 'measured'}."))
    return tables


def _specificity(judged: Judged) -> Table:
    rows = [[row, found["specificity"], found["specificity_negative"]] for row, found in judged.scores.items()]
    return Table(
        ["row", "all categories as asked", "without a finding, as asked"],
        rows,
        "Medical specificity, in both senses of the word, by the judge: the share of images whose categories are all "
        "as asked; and of images asked to be without a finding, the share that is, TN / (TN + FP).",
    )


def _figure(line: dict[str, Any]) -> str:
    if line["right"] is not None:
        return f"{line['right']:.1%} right"
    if line["correlation"] is None:
        return "not computable" if line["error"] is None else f"error {line['error']:.3g}"
    return f"r {line['correlation']:.2f}, slope {line['slope']:.2f}, error {line['error']:.3g}"


def _about_use() -> str:
    return "Two judges of the same kind, one trained on samples and one on real images; both tell real held-out images."


def _use(judged: Judged) -> Table:
    conditions = [line["condition"] for line in judged.useful[REAL]]
    rows = [[f"trained on {name}", *[_figure(line) for line in lines]] for name, lines in judged.useful.items()]
    return Table(["judge", *conditions], [row for row in rows if len(row) == len(conditions) + 1])


def _about_distance() -> str:
    return (
        f"The row of real images: held-out images beyond those that are compared with if there are as many, otherwise "
        f"those that the judge was trained on. KID: kernel distance with a cubic kernel, unbiased, with its 95 % "
        f"interval; 0 for the same distribution. "
        f"Fréchet: on the judge's {FEATURES} features, a dash with too few images; comparable with no other network's. "
        f"Precision, recall, density and coverage with 5 neighbors; coverage also on the features of a random network. "
        f"MS-SSIM: mean similarity of pairs of a row's own images; the lower, the more diverse."
    )


def _distances(judged: Judged) -> Table:
    neighbors = ("precision", "recall", "density", "coverage")
    columns = ("images", "KID", "interval", f"Fréchet ({FEATURES})", *neighbors, "coverage (random)", "MS-SSIM")
    rows = [
        [
            row,
            int(found["images"]),
            found["kid"],
            f"{found['kid_low']:.3f} to {found['kid_high']:.3f}",
            found[f"frechet_{FEATURES}"],
            *[found[name] for name in ("precision", "recall", "density", "coverage", "coverage_random", "ms_ssim")],
        ]
        for row, found in judged.scores.items()
    ]
    return Table(["row", *columns], rows, digits=2)


def _about_copies() -> str:
    return (
        "Share of the images that are nearer to a training image than 99 % of the held-out real images, pixel by pixel "
        "and in the judge's features; and the area under the ROC curve of an attack that takes the images nearest to a "
        "sample for training images, and has to tell them from held-out images whose conditions were not asked for, if "
        "there are enough of these (.5: chance). All of it counts only if the held-out images are of the same kind as "
        "the training images: of other combinations, for instance, they are farther from them. Noise is far from every "
        "training image: a small share alone says nothing."
        f"\n\n{NOT_ANONYMOUS}"
    )


def _copies(judged: Judged) -> Table:
    rows = [
        [
            row,
            f"{found['copies']:.1%}",
            f"{found['copies_features']:.1%}",
            found["membership_auc"],
            f"{found['membership_auc_low']:.2f} to {found['membership_auc_high']:.2f}",
        ]
        for row, found in judged.scores.items()
    ]
    return Table(["row", "near copies", "in features", "membership AUC", "interval"], rows, digits=2)


def _histogram(judged: Judged, space: str) -> Figure:
    label = f"distance to the nearest training image, in {space}"
    caption = f"In {space}: distances of samples and of held-out real images to the nearest training image."
    return Figure(draw_distances(judged.distances[space], label), caption)


def _closest(judged: Judged, samples: Images, training: Images, space: str) -> Figure:
    caption = f"In {space}: the samples that are nearest to a training image (top), and that image (below)."
    return Figure(draw_closest(judged.closest[space], samples.pixels, training.pixels), caption)
