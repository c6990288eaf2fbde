"""What a generator knows of each condition: its categories, or the mean, SD and range of its numbers."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.engines import trained_fact
from scanfill.errors import CaseError
from scanfill.networks.conditional_denoiser import UNKNOWN

logger = logging.getLogger(__name__)

FACT = "conditions"
"""Entry of a checkpoint's record with the vocabulary of its generator."""

BEYOND = 0.5
"""How far a number that is asked for may lie outside the training's range, in SD."""


@dataclass(frozen=True)
class Vocabulary:
    """The conditions that a generator has learned, in the order of the schema.

    A condition that no training case has is always unknown.

    Attributes:
        categories: Condition -> the categories that training cases have.
        numbers: Condition -> mean, SD, smallest and largest number; all 0 if no training case has it.
        order: All conditions.
        possible: Condition -> the categories that the schema allows, in order; those of the training if it allows any.
    """

    categories: Mapping[str, Sequence[str]]
    numbers: Mapping[str, Sequence[float]]
    order: Sequence[str]
    possible: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def counts(self) -> list[int]:
        """Number of possible categories of each condition, at least 1; 0 for a number."""
        return [max(1, len(self._possible(key))) if key in self.categories else 0 for key in self.order]

    @property
    def known(self) -> list[str]:
        """Conditions that training cases have."""
        return [key for key in self.order if self.categories.get(key) or any(self.numbers.get(key, ()))]

    def encode(self, case: Mapping[Any, Any]) -> Tensor:
        """Encode conditions for :py:class:`scanfill.networks.ConditionalDenoiser`.

        Args:
            case: With any of the conditions, as they are read from a table.

        Returns:
            ``(conditions, 2)``: a category's number, or a number with mean 0 and SD 1; and 1. Both are -1 if the
            condition is unknown, or a category that no training case has.
        """
        rows = []
        for key in self.order:
            value = case.get(key)
            if value is None or key not in self.known or (key in self.categories and value not in self.categories[key]):
                rows.append([UNKNOWN, UNKNOWN])
            elif key in self.categories:
                rows.append([float(list(self._possible(key)).index(str(value))), 1.0])
            else:
                mean, sd, *_ = self.numbers[key]
                rows.append([(float(value) - mean) / (sd or 1), 1.0])
        return torch.tensor(rows)

    def category(self, key: str, number: int) -> str:
        """Return the category of a number."""
        return self._possible(key)[number]

    def _possible(self, key: str) -> Sequence[str]:
        return self.possible.get(key) or self.categories[key]

    def check(self, case: Mapping[Any, Any], where: str) -> None:
        """Refuse conditions that no training case has had.

        Raises:
            CaseError: With what there is; ``where`` starts the message.
        """
        for key in self.order:
            value = case.get(key)
            if value is None:
                continue
            if key not in self.known:
                msg = f"{where}: {key}={value!r}, but no training image has {key}; there are {', '.join(self.known)}."
                raise CaseError(msg)
            if key in self.categories and str(value) not in self.categories[key]:
                known = ", ".join(self.categories[key])
                msg = f"{where}: {key}={value!r} does not occur in the training; there are {known}."
                raise CaseError(msg)
            if key in self.numbers:
                _, sd, low, high = self.numbers[key]
                if not low - BEYOND * sd <= float(value) <= high + BEYOND * sd:
                    msg = f"{where}: {key}={value:g} is outside the training's range, {low:g} to {high:g}."
                    raise CaseError(msg)

    def facts(self) -> dict[str, Any]:
        """Return plain values for the record of a checkpoint."""
        categories = {key: list(values) for key, values in self.categories.items()}
        return {"categories": categories, "numbers": {key: list(v) for key, v in self.numbers.items()}}


def learn_vocabulary(
    cases: Mapping[str, Sequence[Mapping[str, Any]]], schema: CaseSchema | str | Mapping[str, Any]
) -> Vocabulary:
    """Collect what the training cases have.

    Args:
        cases: ``{"training": [...], ...}``.
        schema: Name of a kind of data, or its schema.
    """
    kind = load_schema(schema)
    categories: dict[str, list[str]] = {}
    numbers: dict[str, list[float]] = {}
    for each in kind.conditions:
        found = [case[each.key] for case in cases["training"] if case.get(each.key) is not None]
        if each.is_category:
            categories[each.key] = [value for value in each.values or sorted(set(found)) if value in found]
        else:
            numbers[each.key] = _scale(found)
    return Vocabulary(categories, numbers, kind.condition_keys, _possible(kind))


def warn_of_rare_categories(
    cases: Mapping[str, Sequence[Mapping[str, Any]]], vocabulary: Vocabulary, batch_size: int
) -> dict[str, int]:
    """Warn of categories with fewer training images than a batch, which a generator copies rather than varies.

    Args:
        cases: ``{"training": [...], ...}``.
        vocabulary: The conditions of these cases.
        batch_size: Images of a training step.

    Returns:
        ``"condition=category"`` -> number of its training images, for those below ``batch_size``.
    """
    counts = {
        f"{key}={value}": sum(str(case.get(key)) == value for case in cases["training"])
        for key, values in vocabulary.categories.items()
        for value in values
    }
    rare = {name: count for name, count in counts.items() if count < batch_size}
    if rare:
        logger.warning(
            "Fewer training images than a batch (%d): %s. Images of these will be copies of the few that there are, "
            "whatever the evaluation says of the others; add images, or leave these categories out.",
            *(batch_size, ", ".join(f"{name} ({count})" for name, count in rare.items())),
        )
    return rare


def trained_vocabulary(checkpoint: str | Path, schema: CaseSchema | str | Mapping[str, Any]) -> Vocabulary:
    """Read the vocabulary of a trained generator.

    Args:
        checkpoint: A checkpoint of a training.
        schema: Name of a kind of data, or its schema. Without a checkpoint, everything that it allows is known: a
            config that is only viewed needs none.

    Raises:
        CheckpointError: The checkpoint exists but cannot be read, or is of another kind of network.
    """
    kind = load_schema(schema)
    if Path(checkpoint).is_file():
        facts = trained_fact(checkpoint, FACT)
        return Vocabulary(facts["categories"], facts["numbers"], kind.condition_keys, _possible(kind))
    categories = {each.key: list(each.values or ()) for each in kind.conditions if each.is_category}
    numbers = {each.key: _scale(list(each.range or (0, 1))) for each in kind.conditions if not each.is_category}
    return Vocabulary(categories, numbers, kind.condition_keys, _possible(kind))


def _possible(schema: CaseSchema) -> dict[str, list[str]]:
    return {each.key: list(each.values) for each in schema.conditions if each.values is not None}


def _scale(values: Sequence[float]) -> list[float]:
    if not values:
        return [0.0, 0.0, 0.0, 0.0]
    return [float(number) for number in (np.mean(values), np.std(values), min(values), max(values))]
