"""The parts specific to one kind of study; everything else, from the folds to the statistics, is shared by all."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

Study = dict[str, Any]
Plans = dict[str, dict[str, Any]]

PROTOCOL = ("name", "smoke", "held_out", "folds", "split_seed", "inner_validation", "checkpoint", "labels")
"""Options of every study that make two studies incomparable if they differ."""


@dataclass(frozen=True)
class Kind:
    """A kind of study: a folder in :py:mod:`scanfill.studies.kinds`, with its ``KIND`` and its ``page``.

    Defining a kind imports nothing heavy: the scheduler reads it. Its results page, which needs more, is the module
    ``page`` in its folder, with a ``LAYOUT``.

    What a kind plans is data, because jobs read it from ``study.json``. In its texts, ``{seed}`` and ``{fold}`` stand
    for those of a job, and ``{outer}`` for the fold that an inner fold belongs to.

    A model, which is a network to be trained, has

    - ``block``, the block of the study file with its overlays and options, ``bundle``, ``overlays`` and ``options``;
    - ``cost``: the kind of network, which determines its cost per step;
    - ``cases``: the list of a fold that it is trained on. ``outer``: all of the fold's training patients, or with
      checkpoint ``best`` all except the inner validation; ``inner_share``: all except the inner validation;
      ``inner_folds``: one network for each inner fold;
    - optionally ``patients``, the share of these patients (see :py:mod:`scanfill.studies.folds`);
    - optionally ``validate_every``, the number of epochs between validations, if it has an inner validation;
    - optionally ``made_list``, a list of cases written by a step, in place of it;
    - optionally ``more``, further configs, and ``made_configs``, those that a step writes.

    A step is a job between trainings, which writes a list of cases or a config. It has

    - ``config``, its file in ``configs/studies``, and the ``options`` for it;
    - ``needs``, the files that must be there before, and ``results``, those it writes below ``<step>/seed_<s>/<fold>``;
    - ``cases``: whether it reads the cases, and thus gets a fold's list of acquired training cases and the data folder;
      optionally ``patients``, as for a model;
    - optionally ``shown``: whether its results are shown on the page, and thus made even if no other job needs them.

    A prediction, of one strategy, has

    - ``models`` that it uses, and ``needs``, further files that must be there before;
    - ``tasks``, each with the ``strategy`` and ``task`` of its rows (``task`` is empty for cases as they are), the
      ``folder`` of its results, the ``model`` that predicts, and all ``models`` that it costs; optionally ``parts``,
      the parts of a fold's list whose cases it is for (``validation``, ``test``), by default all;
    - optionally ``prepare``, a config of what changes the cases of a task before they are predicted
      (:py:class:`scanfill.studies.prediction.Preparation`), and ``inference``, options of the bundle's inference.

    Attributes:
        name: The option ``name``; its full protocol, the list of all options, is ``configs/studies/<name>.yaml``.
        smoke: File next to the protocol that shrinks a study to minutes.
        incomparable: Further options, besides :py:data:`PROTOCOL`, that make two studies incomparable if they differ:
            results with another value in the output folder are rejected.
        find_bundles: From a study: block of overlays and options -> their bundle. All have the same kind of data.
        set_by_study: Options of a bundle that the study sets itself, in addition to those that every study sets.
        check: Checks the options specific to this kind, in place: ``all`` is replaced by the names it stands for.
        find_models: Returns what must be trained: name -> model.
        find_predictions: Returns what each strategy predicts, with the reference strategy first: name -> prediction.
        describe: Returns what a note on a table says of the networks, such as ``network unet``.
        find_steps: Returns the jobs between trainings: name -> step.
        find_options: From a study: block -> names of its options, where these are not those of the protocol.
        replaced: Options that are mappings, not blocks of options: a study file replaces them.
        configs: Folders next to ``configs/studies`` that jobs read.
        empty: Name of the row with the scores of an empty prediction; "" for no such row.
        figures: Further columns of numbers in a score file, from a prediction's ``figures.csv``.
        default: Whether a study file that does not state its kind is of this kind.
    """

    name: str
    smoke: str
    incomparable: tuple[str, ...]
    find_bundles: Callable[[Study], Mapping[str, str]]
    set_by_study: frozenset[str]
    check: Callable[[Study], None]
    find_models: Callable[[Study], Plans]
    find_predictions: Callable[[Study], Plans]
    describe: Callable[[Mapping[str, Any]], str]
    find_steps: Callable[[Study], Plans] = lambda _: {}
    find_options: Callable[[Study], Mapping[str, Collection[str]]] = lambda _: {}
    replaced: frozenset[str] = frozenset()
    configs: tuple[str, ...] = ()
    empty: str = ""
    figures: tuple[str, ...] = ()
    default: bool = False
