"""What one kind of study has of its own; everything else, from the folds to the statistics, is the same for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Study = dict[str, Any]

PROTOCOL = ("name", "smoke", "held_out", "folds", "split_seed", "inner_validation", "checkpoint", "segmenter", "labels")
"""Options of every study that make two studies incomparable."""


@dataclass(frozen=True)
class Kind:
    """A kind of study.

    Nothing heavy is needed where a kind is made: its page of results, which needs more, is the module ``<name>_page``
    in :py:mod:`scanfill.studies.pages`.

    Attributes:
        name: The option ``name``; its full protocol, the list of all options, is ``configs/studies/<name>.yaml``.
        smoke: File beside it that shrinks a study to minutes.
        incomparable: Options that make two studies incomparable, beside :py:data:`PROTOCOL`: results of another value
            in the output folder are refused.
        find_bundles: From a study: block of overlays and options -> the bundle that they are of.
        set_by_study: Options of a bundle that the study sets itself, beside those that every study sets.
        check: Checks the options that only this kind has, in place: ``all`` becomes the names that it stands for.
        find_models: Says what must be trained, as :py:func:`scanfill.studies.strategies.find_models` does.
        find_predictions: Says what each strategy predicts, with the strategies' reference first.
        further: What else goes into ``study.json``.
        configs: Folders beside ``configs/studies`` that jobs read.
        empty: Name of the row that says what an empty prediction scores; "" for no such row.
        default: Whether a study file that does not say of which kind it is, is of this one.
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
