"""Blind ratings of predicted bones on radiographs that have no outlines: a contact sheet, and its scores.

    python benchmarks/bone_ratings.py sheet PREDICTIONS RADIOGRAPHS TRAINING SHEET --controls 10
    python benchmarks/bone_ratings.py score SHEET --ages RADIOGRAPHS/ages.csv

PREDICTIONS is the output folder of hand_bone_segmentation. The sheet shows the prediction of each radiograph and, mixed
among them, two controls on some: the atlas of TRAINING, and the prediction of another radiograph. `key.csv` says which
item is what; do not open it before `ratings.csv` is complete. There, enter yes under `rated`; every bone is `right`
unless the column `other` says otherwise: `Pisiform wrong; finger-3 partial`. Ratings: `partial` (less than most of the
bone, or clearly more), `wrong` (another bone, or none), `missed` (visible, but not outlined), `none` (neither visible
nor outlined, which counts nowhere). Shares have 95 % intervals from 2,000 bootstrap samples of hands.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from skimage.measure import find_contours
from skimage.transform import resize

from scanfill.data import find_cases, load_schema
from scanfill.data.pages import read_pages
from scanfill.data.picture import load_picture
from scanfill.domains.hand_xray.bones import BONES
from scanfill.metrics import AtlasBaseline
from scanfill.report.palette import palette
from trivial_baselines import read, reduced

RATINGS = ("right", "partial", "wrong", "missed", "none")
GROUPS = {"under 5 years": (0, 60), "5 to 10 years": (60, 120), "10 years and over": (120, 1200)}  # months
ON_A_PAGE = 4


def main() -> None:
    """Make a sheet, or score its ratings."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    verbs = parser.add_subparsers(required=True)
    sheet = verbs.add_parser("sheet")
    for name in ("predictions", "radiographs", "training", "sheet"):
        sheet.add_argument(name, type=Path)
    sheet.add_argument("--controls", type=int, default=10, help="number of radiographs of each control")
    sheet.add_argument("--seed", type=int, default=0)
    sheet.set_defaults(do=make_sheet)
    score = verbs.add_parser("score")
    score.add_argument("sheet", type=Path)
    score.add_argument("--ages", type=Path, help="a table with the columns id and boneage_months")
    score.set_defaults(do=score_sheet)
    arguments = parser.parse_args()
    arguments.do(arguments)


def make_sheet(arguments: argparse.Namespace) -> None:
    """Write the pages, the empty ratings, and the key."""
    generator = np.random.default_rng(arguments.seed)
    hands = sorted(path.parent.name for path in arguments.predictions.glob("*/*_seg.tif"))
    masks = {hand: read_pages(arguments.predictions / hand / f"{hand}_seg.tif", BONES, hand) > 0 for hand in hands}
    images = {hand: load_picture(arguments.radiographs / f"{hand}.png").numpy().astype(float) for hand in hands}
    atlas = fitted_atlas(arguments.training)
    some = generator.permutation(hands)[: 2 * arguments.controls]
    items = [("prediction", hand, masks[hand]) for hand in hands]
    items += [("atlas", hand, atlas.predict(images[hand])) for hand in some[: arguments.controls]]
    for hand in some[arguments.controls :]:
        other = generator.choice([name for name in hands if name != hand])
        moved = [resize(mask.astype(float), images[hand].shape, order=0) > 0 for mask in masks[other]]
        items.append(("another hand", hand, np.stack(moved)))
    arguments.sheet.mkdir(parents=True, exist_ok=True)
    shown = [items[index] for index in generator.permutation(len(items))]
    for start in range(0, len(shown), ON_A_PAGE):
        draw_page(shown[start : start + ON_A_PAGE], images, start + 1, arguments.sheet / f"page_{start + 1:03d}.png")
    numbered = list(enumerate(shown, start=1))
    write(arguments.sheet / "key.csv", ("item", "kind", "hand"), [(n, kind, hand) for n, (kind, hand, _) in numbered])
    write(arguments.sheet / "ratings.csv", ("item", "rated", "other"), [(number, "", "") for number, _ in numbered])


def fitted_atlas(training: Path) -> AtlasBaseline:
    """Return the atlas of the first 80 radiographs of a folder."""
    schema = load_schema("hand_xray")
    known = find_cases(training, schema=schema, modalities=schema.image_keys)[:80]
    return AtlasBaseline(*map(list, zip(*[reduced(*read(case, schema), 256) for case in known], strict=True)))


def draw_page(items: list[Any], images: dict[str, NDArray[np.float64]], first: int, path: Path) -> None:
    """Draw radiographs side by side, with the outlines and names of the bones."""
    figure = Figure(figsize=(5.2 * len(items), 7), dpi=110, facecolor="black", layout="tight")
    for axis, (number, (_, hand, masks)) in zip(
        figure.subplots(1, len(items)).flat, enumerate(items, first), strict=True
    ):
        axis.imshow(images[hand].T, cmap="gray")
        axis.set_axis_off()
        axis.set_title(f"item {number}", color="white", fontsize=9)
        for name, mask, color in zip(BONES, masks, palette(len(BONES)), strict=True):
            for line in find_contours(np.pad(mask.T.astype(float), 1), 0.5):
                axis.plot(line[:, 1] - 1, line[:, 0] - 1, color=color, linewidth=0.9)
            if mask.any():
                x, y = np.argwhere(mask).mean(axis=0)
                axis.text(x, y, name.replace("finger-", "")[:4], color=color, fontsize=6, ha="center", va="center")
    figure.savefig(path)


def score_sheet(arguments: argparse.Namespace) -> None:
    """Print the share of each rating, per kind of item and age group."""
    key = pd.read_csv(arguments.sheet / "key.csv", dtype=str).set_index("item")
    rows = []
    for item, rated, other in (
        pd.read_csv(arguments.sheet / "ratings.csv", dtype=str).fillna("").itertuples(index=False)
    ):
        if rated != "yes":
            msg = f"item {item} is not rated yet."
            raise SystemExit(msg)
        told = dict(part.split() for part in other.split(";") if part.strip())
        if wrong := sorted(set(told) - set(BONES)) + sorted(set(told.values()) - set(RATINGS)):
            msg = f"item {item}: {', '.join(wrong)} is neither a bone nor a rating."
            raise SystemExit(msg)
        rows += [{**key.loc[item], "bone": bone, "rating": told.get(bone, "right")} for bone in BONES]
    table = pd.DataFrame(rows)
    table = table[table["rating"] != "none"]
    for kind, part in table.groupby("kind"):
        print(f"{kind}: {summary(part)}")
    own = table[table["kind"] == "prediction"]
    print(pd.crosstab(own["bone"], own["rating"]).reindex(BONES).to_string())
    if arguments.ages is not None:
        ages = pd.read_csv(arguments.ages, dtype={"id": str}).set_index("id")["boneage_months"]
        months = own["hand"].map(ages)
        for group, (low, high) in GROUPS.items():
            if len(part := own[(low <= months) & (months < high)]):
                print(f"{group}: {summary(part)}")


def summary(table: pd.DataFrame) -> str:
    """Return the share of each rating, and the interval of `right` over hands."""
    hands = table.assign(right=table["rating"] == "right").groupby("hand")["right"].mean().to_numpy()
    draws = np.random.default_rng(0).integers(0, len(hands), (2000, len(hands)))
    low, high = np.quantile(hands[draws].mean(axis=1), [0.025, 0.975])
    shares = ", ".join(f"{name} {np.mean(table['rating'] == name):.3f}" for name in RATINGS[1:-1])
    return f"{len(hands)} hands, right {hands.mean():.3f} ({low:.3f} to {high:.3f}), {shares}"


def write(path: Path, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Write a table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


if __name__ == "__main__":
    main()
