"""Show the effect of augmentation presets on a brain in one picture."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from scanfill import bundle_path
from scanfill.domains.brain_mri.phantoms import brain_cohort
from scanfill.presets import Preset, find_preset
from scanfill.presets import presets as all_presets
from scanfill.report.preset_pictures import check_sheet_path, draw_row, draw_sheet

IMAGES = "MR"
"""Purposes of the presets that are drawn by default."""


def make_sheet(
    output: str | Path,
    presets: Sequence[str] = (),
    config: str | Path | Sequence[str | Path] | None = None,
    *,
    dataset_dir: str | Path | None = None,
    draws: int = 4,
    seed: int = 0,
) -> Path:
    """Draw the effect of presets on the first training case; draws without effect are skipped.

    Args:
        output: The PNG file.
        presets: Files, or names in ``configs/augmentation``; by default :py:func:`usual_presets`.
        config: See :py:func:`scanfill.report.preset_pictures.draw_row`; by default the ``train.yaml`` of
            ``brain_tumor_segmentation``.
        dataset_dir: Folder of the cases; without it and without a config, a few phantoms are created for the picture.
        draws: Number of columns.
        seed: Seed of the draws.

    Returns:
        The PNG file.

    Raises:
        UsageError: There is no such preset, a package that it needs is not installed, or the output is not a PNG file.
    """
    check_sheet_path(output)
    bundle = bundle_path("brain_tumor_segmentation")
    files = [find_preset(name) for name in presets] or [preset.path for preset in usual_presets()]
    with TemporaryDirectory() as made:
        overrides = {} if dataset_dir is None else {"dataset_dir": str(dataset_dir)}
        if dataset_dir is None and config is None:
            overrides["dataset_dir"] = str(brain_cohort(made, cases=4, size=64, seed=seed))
        train = config or bundle / "configs" / "train.yaml"
        return draw_sheet([draw_row(train, file, draws=draws, seed=seed, **overrides) for file in files], output)


def usual_presets() -> list[Preset]:
    """List the presets for MRI whose packages are installed, those with extra requirements last."""
    there = [preset for preset in all_presets().values() if IMAGES in preset.made_for and not preset.absent]
    return sorted(there, key=lambda preset: bool(preset.needs))
