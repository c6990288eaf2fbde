"""What was published for the study that ours repeats, and how its data differ.

Raut, Baldini, Schoeneck, Caldeira, Frontiers in Radiology 2024, doi 10.3389/fradi.2023.1336902. Its Tables 6 and 7 are
here, and the mean squared errors of Table 7 are :py:data:`scanfill.domains.brain_mri.modalities.PUBLISHED_MSE`; the
figures of its Tables 4 and 5 are not available to us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

PAPER = "Raut et al., Frontiers in Radiology 2024, 1336902"

PUBLISHED_DATA = (
    "Published: BraTS 2021, 1,251 patients (five-fold cross-validation of 1,000, 251 held out), 1 mm, skull-stripped, "
    "DeepMedic with 35 epochs, Pix2PixNIfTI with 100."
)
"""What the published figures were found on."""

NOT_AVAILABLE = f"The published figures ({PAPER}, Tables 4 and 5) are not available to us; none stand here."


class Published(NamedTuple):
    """A published mean Dice and SD, and whether it did not differ from the four-input model's."""

    mean: float
    sd: float
    not_different: bool


class Correlation(NamedTuple):
    """A published correlation, and whether it was significant."""

    value: float
    significant: bool


def _row(*cells: str) -> tuple[Published, ...]:
    """Read cells such as ``.76 .29*``."""
    parts = [cell.rstrip("*").split() for cell in cells]
    return tuple(
        Published(float(mean), float(sd), cell.endswith("*")) for cell, (mean, sd) in zip(cells, parts, strict=True)
    )


LABELS = ("NC", "ED", "CET", "WT")
"""The four labels of the paper's tables."""

PUBLISHED_THREE_INPUTS: Mapping[str, Mapping[str, Published]] = {
    left_out: dict(zip(LABELS, row, strict=True))
    for left_out, row in {
        "t2": _row(".61 .24", ".70 .12", ".70 .19", ".77 .07"),
        "flair": _row(".76 .29*", ".81 .14*", ".85 .21*", ".90 .07*"),
        "t1": _row(".77 .28*", ".86 .12*", ".85 .20*", ".93 .06*"),
        "t1ce": _row(".57 .29", ".79 .15", ".62 .23", ".92 .07"),
        "": _row(".76 .29", ".86 .13", ".86 .20", ".93 .06"),
    }.items()
}
"""Modality left out (``""``: none) -> label -> Dice of the dedicated model (Table 6)."""


def _correlations(text: str) -> tuple[Correlation, ...]:
    """Read four correlations, those that were not significant with an asterisk."""
    return tuple(Correlation(float(word.rstrip("*")), not word.endswith("*")) for word in text.split())


CORRELATIONS = (("pearson", "multi-class"), ("pearson", "WT"), ("spearman", "multi-class"), ("spearman", "WT"))
"""The four correlations of the paper's Table 7: coefficient, and the Dice that it is with."""

PUBLISHED_CORRELATIONS: Mapping[tuple[str, str], Mapping[tuple[str, str], Correlation]] = {
    pair: dict(zip(CORRELATIONS, _correlations(text), strict=True))
    for pair, text in {
        ("flair", "t1ce"): "-0.09747 -0.07988* -0.17191 -0.22446",
        ("flair", "t1"): "-0.10610 -0.08877* -0.15752 -0.15511",
        ("flair", "t2"): "-0.07842 -0.00643* -0.15566 -0.20277",
        ("t1ce", "flair"): "-0.01530* 0.09458* -0.03816* 0.04452*",
        ("t1ce", "t1"): "0.01256* 0.13154 0.00432* 0.11043*",
        ("t1ce", "t2"): "-0.00596* 0.11747* -0.02017* 0.12646",
        ("t1", "flair"): "-0.05202* -0.08146* -0.11485 0.00669*",
        ("t1", "t1ce"): "-0.02677* 0.02138* -0.02819* 0.09077*",
        ("t1", "t2"): "-0.05245* -0.07035* -0.13704 -0.05480*",
        ("t2", "flair"): "-0.08700 -0.02092* -0.11868 -0.16521",
        ("t2", "t1ce"): "-0.11272 -0.04269* -0.17125 -0.20306",
        ("t2", "t1"): "-0.12217 -0.05132* -0.15581* -0.18053",
    }.items()
}
"""(target, source) -> correlation of MSE with Dice (Table 7)."""
