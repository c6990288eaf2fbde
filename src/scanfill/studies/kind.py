"""The parts specific to one kind of study; everything else, from the folds to the statistics, is shared by all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Study = dict[str, Any]

PROTOCOL = ("name", "smoke", "held_out", "folds", "split_seed", "inner_validation", "checkpoint", "segmenter", "labels")
"""Options of every study that make two studies incomparable if they differ."""


@dataclass(frozen=True)
class Kind:
    """A kind of study.

    Defining a kind imports nothing heavy: its results page, which needs more, is the module ``<name>_page`` in
    :py:mod:`scanfill.studies.pages`.

    Attributes:
        name: The option ``name``; its full protocol, the list of all options, is ``configs/studies/<name>.yaml``.
        smoke: File next to the protocol that shrinks a study to minutes.
        incomparable: Further options, besides :py:data:`PROTOCOL`, that make two studies incomparable if they differ:
            results with another value in the output folder are rejected.
        find_bundles: From a study: block of overlays and options -> their bundle.
        set_by_study: Options of a bundle that the study sets itself, in addition to those that every study sets.
        check: Checks the options specific to this kind, in place: ``all`` is replaced by the names it stands for.
        find_models: Returns what must be trained, like :py:func:`scanfill.studies.strategies.find_models`.
        find_predictions: Returns what each strategy predicts, with the reference strategy first.
        further: Returns further entries of ``study.json``.
        configs: Folders next to ``configs/studies`` that jobs read.
        empty: Name of the row with the scores of an empty prediction; "" for no such row.
        default: Whether a study file that does not state its kind is of this kind.
    """

    name: str
    smoke: str
    incomparable: tuple[str, ...]
    find_bundles: Callable[[Study], Mapping[str, str]]
    set_by_study: frozenset[str]
    check: Callable[[Study], None]
    find_models: Callable[[Study], dict[str, dict[str, Any]]]
    find_predictions: Callable[[Study], dict[str, dict[str, Any]]]
    further: Callable[[Study], dict[str, Any]]
    configs: tuple[str, ...] = ()
    empty: str = ""
    default: bool = False
