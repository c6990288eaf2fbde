"""The page of a judgement of drawn slices: the answer, what they look like, and the figures behind it."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure as MatplotlibFigure
from torch import Tensor

from scanfill.data.provenance import DESCRIPTION
from scanfill.files import writing
from scanfill.generation.judgement_page import ALL_TOGETHER, NOT_ANONYMOUS, gate_table
from scanfill.label_to_image.judged import NEAREST, NETWORK, PAINTED, PIXELS, REAL, TEXTURE, Judged
from scanfill.label_to_image.slice_gates import ALIGNED, MEASURABLE
from scanfill.label_to_image.slices import Slice
from scanfill.label_to_image.texture import TEXTURES
from scanfill.replacing import SOFTWARE
from scanfill.report.page import Figure, Page, Section, Table
from scanfill.report.palette import palette
from scanfill.report.sample_pictures import draw_closest, draw_distances, draw_sheet_of_rows

SHOWN, LOOKS = 8, 3
"""Slices in the picture, and looks of each."""

ABOUT_ROWS = (
    f"{NETWORK}: drawn from the label maps of held-out slices. {PAINTED}: the same label maps, each class (and each "
    "tissue, if the network sees them) filled with its mean in the training slices and white noise of its SD. "
    f"{NEAREST}: a copy of the training slice whose masks overlap most. {REAL}: the held-out slices themselves."
)
ABOUT_MASKS = (
    "Dice of what a small U-Net finds, which was trained on the real training slices, against the mask that was drawn; "
    "first the mean within a patient, then over patients; slices without a region do not count for it. To pass, the "
    f"Dice must be at least {ALIGNED:g} of that on real held-out slices, in every region that the U-Net finds there "
    f"with a Dice of at least {MEASURABLE:g}. It knows the training slices, so copies of these may do better than "
    "held-out slices."
)
ABOUT_COPIES = (
    "Share of the slices whose distance to the nearest training slice is less than half of the smallest distance that "
    "any held-out real slice has (near copies), and less than that distance itself (nearer than any). Smooth images "
    "are near to everything in gray values, so the second share says little by itself. New cases are drawn from masks "
    "of training patients, and may be nearer to slices of these than the figures here show."
)


def write_page(
    judged: Judged,
    folder: str | Path,
    *,
    images: Mapping[str, Tensor],
    held_out: Sequence[Slice],
    training: Sequence[Slice],
    note: str = "",
) -> list[Path]:
    """Write ``judgement.html``, and its picture as ``sheet_synthetic_images.png``.

    Args:
        judged: What was found.
        folder: Output folder.
        images: Row -> images ``(N, 1, X, Y)`` in -1 to 1, one for each held-out slice.
        held_out: The held-out slices, with what was drawn.
        training: The training slices.
        note: Caveat, shown at the top.
    """
    sheet = Path(folder) / "sheet_synthetic_images.png"
    picture = _sheet(images, held_out)
    about = {"Software": SOFTWARE, "Description": f"{DESCRIPTION} images beside real ones, research use only"}
    with writing(sheet) as temporary:
        picture.savefig(temporary, format="png", metadata=about)
    known = torch.stack([one.image for one in training])
    sections = [
        Section("Answer", _answer(judged), [gate_table(judged.gates, _gate_caption(judged))]),
        Section("What it looks like", ABOUT_ROWS, figures=[Figure(sheet, "Some slices of each row.")]),
        Section(
            "Does it show its mask?",
            f"{ABOUT_MASKS} Trained in {judged.about['segmenter_steps']} steps.",
            [_masks(judged)],
        ),
        Section("How near is it to real slices?", _about_distance(judged), [_distances(judged)]),
        Section("How diverse is it?", _about_diversity(judged), [_diversity(judged)]),
        Section(
            "Does it copy?",
            f"{ABOUT_COPIES}\n\n{NOT_ANONYMOUS}",
            [_copies(judged)],
            _pairs(judged, images[NETWORK], known),
        ),
    ]
    return [Page("Drawn slices, judged", sections, note, wide=True).write(Path(folder) / "judgement.html"), sheet]


def _answer(judged: Judged) -> str:
    about, failed = judged.about, [gate for gate in judged.gates[NETWORK] if not gate.passed]
    first = (
        "The drawn slices pass all gates."
        if not failed
        else "The drawn slices do not pass: " + "; ".join(f"{gate.name} ({gate.reason})" for gate in failed) + "."
    )
    passing = [row for row in judged.gates if judged.passes(row) and row != NETWORK]
    second = f"Of the other rows, {' and '.join(passing) or 'none'} would pass; only {REAL} slices should."
    third = (
        f"{about['slices']} held-out slices of {about['patients']} patients; the network was trained on "
        f"{about['training_patients']} others, of whom {about['training_slices']} slices are used here."
    )
    few = about["patients"] < about["patients_of_an_interval"]
    fourth = f" With fewer than {about['patients_of_an_interval']} patients there are no intervals." if few else ""
    return f"{first} {second}\n\n{third}{fourth}\n\n{NOT_ANONYMOUS}"


def _gate_caption(judged: Judged) -> str:
    reasons = "; ".join(f"{gate.name}: {gate.reason}" for gate in judged.gates[NETWORK])
    return f"{ALL_TOGETHER} {NETWORK}: {reasons}."


def _masks(judged: Judged) -> Table:
    regions = [key.removeprefix("slices_") for key in judged.scores[REAL] if key.startswith("slices_")]
    columns = ["row", *[name for region in regions for name in (region, "interval", "of real", "patients", "slices")]]
    rows = []
    for row, found in judged.scores.items():
        cells: list[object] = [row]
        for region in regions:
            own, real = found[f"dice_{region}"], judged.scores[REAL][f"dice_{region}"]
            cells += [own, _interval(found[f"dice_low_{region}"], found[f"dice_high_{region}"], 2)]
            cells += [
                own / real if real > 0 else None,
                int(found[f"patients_{region}"]),
                int(found[f"slices_{region}"]),
            ]
        rows.append(cells)
    return Table(columns, rows, "Dice, and its share of the Dice on real slices.", digits=2)


def _about_distance(judged: Judged) -> str:
    refused = judged.about.get("frechet")
    frechet = f" The Fréchet distance is refused: {refused}" if refused else ""
    return (
        f"KID: kernel distance with a cubic kernel to the held-out real slices, unbiased; 0 for the same distribution, "
        f"so it can be negative. Features: {judged.about['features']}, {TEXTURES} in all; comparable with no others. "
        f"The row of real slices is the distance of the training slices to the held-out ones, of other patients: what "
        f"is to be reached. The 95 % interval comes from resampled patients, as does the upper end of the difference "
        f"from painted slices, of the same patients.{frechet}"
    )


def _distances(judged: Judged) -> Table:
    frechet = any(f"frechet_{TEXTURES}" in found for found in judged.scores.values())
    columns = ["row", "KID", "interval", "minus painted, at most", *([f"Fréchet ({TEXTURES})"] if frechet else [])]
    rows = [
        [
            f"{row} (training slices)" if row == REAL else row,
            found["kid"],
            _interval(found["kid_low"], found["kid_high"], 2),
            found["kid_above_painted"],
            *([found.get(f"frechet_{TEXTURES}")] if frechet else []),
        ]
        for row, found in judged.scores.items()
    ]
    return Table(columns, rows, digits=2)


def _about_diversity(judged: Judged) -> str:
    return (
        "MS-SSIM: mean multiscale structural similarity of pairs of a row's own slices; the lower, the more diverse. "
        f"Gray values are from -1 to 1, so the data range is {judged.about['data_range']:g}. Looks: of the same mask, "
        f"{judged.about['looks']} of each; SD: of a pixel over the looks, on this scale. Looks that are all alike have "
        f"an MS-SSIM of 1 and an SD of 0."
    )


def _diversity(judged: Judged) -> Table:
    rows = [
        [row, found["ms_ssim"], found.get("ms_ssim_looks"), found.get("sd_looks")]
        for row, found in judged.scores.items()
    ]
    return Table(["row", "MS-SSIM", "MS-SSIM of looks", "SD of looks"], rows)


def _copies(judged: Judged) -> Table:
    columns = [
        "row",
        *[f"{name}, {space}" for space in (PIXELS, TEXTURE) for name in ("near copies", "nearer than any")],
    ]
    rows = [
        [row, *[f"{found[f'{name}_{space}']:.1%}" for space in (PIXELS, TEXTURE) for name in ("copies", "nearer")]]
        for row, found in judged.scores.items()
    ]
    return Table(columns, rows)


def _pairs(judged: Judged, drawn: Tensor, training: Tensor) -> list[Figure]:
    figures = []
    for space, distances in judged.distances.items():
        shown = {row: values for row, values in distances.items() if row != NEAREST}
        label = f"distance to the nearest training slice, in {space}"
        caption = f"In {space}: distances to the nearest training slice. The row {NEAREST} has 0."
        figures.append(Figure(draw_distances(shown, label), caption))
        caption = f"In {space}: the drawn slices that are nearest to a training slice (top), and that slice (below)."
        figures.append(Figure(draw_closest(judged.closest[space], drawn, training), caption))
    return figures


def _sheet(images: Mapping[str, Tensor], held_out: Sequence[Slice]) -> MatplotlibFigure:
    step = max(1, len(held_out) // SHOWN)
    chosen = list(range(0, len(held_out), step))[:SHOWN]
    rows = {"mask": torch.stack([_colored(held_out[index]) for index in chosen])}
    rows |= {row: pixels[chosen] for row, pixels in images.items()}
    for look in range(1, min(LOOKS, *(len(held_out[index].looks) for index in chosen))):
        rows[f"{NETWORK}, look {look + 1}"] = torch.stack([held_out[index].looks[look] for index in chosen])
    return draw_sheet_of_rows(rows, len(chosen))


def _colored(one: Slice) -> Tensor:
    """Draw a label map, ``(3, X, Y)``, on the outline of the body in dark gray."""
    inside = torch.zeros_like(one.label) if one.inside is None else 0.25 * one.inside
    picture = inside.expand(3, -1, -1).clone()
    values = range(1, int(one.label.max()) + 1)
    for value, name in zip(values, palette(len(values)), strict=True):
        color = torch.tensor(to_rgb(name)).view(3, 1, 1)
        picture = torch.where(one.label == value, color, picture)
    return picture


def _interval(low: float, high: float, digits: int) -> str | None:
    return None if math.isnan(low) else f"{low:.{digits}f} to {high:.{digits}f}"
