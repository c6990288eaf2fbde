"""What a person asks a generator for: a condition and a number of samples, or a table with a row per sample."""

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scanfill.data.case_table import CaseTable
from scanfill.data.finders import check_names_differ
from scanfill.data.image import image_suffix
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.errors import CaseError, UsageError
from scanfill.files import check_apart
from scanfill.generation.vocabulary import Vocabulary

TABLE = "conditions.csv"
ZONE = "zone"
"""A condition that stands for others: the name of a place."""


def find_requests(
    dataset_dir: str | Path | None,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    vocabulary: Vocabulary,
    condition: Any = None,
    num_samples: int | None = None,
    sweep: Mapping[str, Sequence[Any]] | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """List the samples to generate.

    Args:
        dataset_dir: A table of conditions with a column ``case_id``, or a folder with ``conditions.csv``; not read if
            there is a condition.
        schema: Name of a kind of data, or its schema.
        vocabulary: What the generator knows.
        condition: Conditions of all samples, such as ``{"pathology": "pneumonia", "severity": 0.7}``; the others are
            unknown, so that the generator chooses them. ``zone`` names a place.
        num_samples: Number of samples of this condition, or how many rows of the table to use; by default 16 and all.
        sweep: A condition and its values, such as ``{"severity": [0, 0.5, 1]}``: each sample is generated with each of
            them, all else and the seed staying the same.
        seed: Seed of the first sample; each has its own, the next number.

    Returns:
        One dictionary per sample: ``case_id``, ``seed``, its conditions and all of them as ``condition`` (JSON), and
        ``problem`` if its row cannot be fulfilled.

    Raises:
        CaseError: There is no table; a condition is unknown or impossible, or the generator has not learned it.
        UsageError: A condition does not exist, or the number is below 1.
    """
    kind = load_schema(schema)
    if num_samples is not None and num_samples < 1:
        msg = f"num_samples (={num_samples}) must be at least 1."
        raise UsageError(msg)
    if condition is not None or sweep:
        names = [f"sample_{number:04d}" for number in range(1, (num_samples or (4 if sweep else 16)) + 1)]
        told = {} if condition is None else condition
        swept = _values(sweep, told) if sweep else []
        asked = [(f"_{name}_{value}", {**told, name: value}) for name, value in swept] or [("", told)]
        wanted = [(ending, read_condition(each, kind, vocabulary, "The condition")) for ending, each in asked]
        return [
            _request(name + ending, seed + index, each) for index, name in enumerate(names) for ending, each in wanted
        ]
    table = _table(dataset_dir)
    names = list(table.rows)[:num_samples]
    check_names_differ([{"case_id": name} for name in names])
    return [_request(name, seed + index, *_row(table.rows[name], kind, vocabulary)) for index, name in enumerate(names)]


def read_condition(stated: Any, schema: CaseSchema, vocabulary: Vocabulary, where: str) -> dict[str, Any]:
    """Read conditions as they are written, with the zone replaced by what it stands for.

    Args:
        stated: Condition -> value; empty ones are unknown.
        schema: The kind of data.
        vocabulary: What the generator knows.
        where: Starts the message.

    Raises:
        CaseError: See :py:func:`find_requests`.
        UsageError: A condition does not exist.
    """
    if not isinstance(stated, Mapping):
        zones = f" Zones are {', '.join(schema.zones)}." if schema.zones else ""
        msg = (
            f"{where} ({stated!r}) is text, which is not understood: state conditions by their names, such as "
            f'"{{{vocabulary.known[0] if vocabulary.known else schema.condition_keys[0]}: ...}}".{zones}'
        )
        raise UsageError(msg)
    given = {str(key): value for key, value in stated.items() if value not in (None, "")}
    allowed = [*schema.condition_keys, *([ZONE] if schema.zones else [])]
    if strangers := [key for key in given if key not in allowed]:
        near = difflib.get_close_matches(strangers[0], allowed, n=1)
        meant = f"; did you mean {near[0]}?" if near else "."
        msg = f"{where}: there is no condition {strangers[0]!r}, but {', '.join(vocabulary.known or allowed)}{meant}"
        raise UsageError(msg)
    if ZONE in given:
        given |= _place(given, schema, where)
    specs = {each.key: each for each in schema.conditions}
    asked = {key: specs[key].read(value, where) for key, value in given.items() if key != ZONE}
    if schema.check_conditions:
        schema.check_conditions(asked, where)
    vocabulary.check(asked, where)
    return asked


def requests_like(cases: Sequence[Mapping[str, Any]], vocabulary: Vocabulary, seed: int = 0) -> list[dict[str, Any]]:
    """Ask for the conditions of real images, as far as the generator has learned them.

    Args:
        cases: The real images.
        vocabulary: What the generator knows.
        seed: Seed of the first sample; each has its own, the next number.
    """
    asked = [{key: case[key] for key in vocabulary.known if case.get(key) is not None} for case in cases]
    return [_request(str(case["case_id"]), seed + index, asked[index]) for index, case in enumerate(cases)]


def _values(sweep: Any, condition: Any) -> list[tuple[str, Any]]:
    """Return the name of the condition to sweep with each of its values."""
    if not isinstance(sweep, Mapping) or len(sweep) != 1 or not isinstance(condition, Mapping):
        msg = f"sweep (={sweep!r}) must be one condition with a list of values, such as {{severity: [0, 0.5, 1]}}."
        raise UsageError(msg)
    ((name, values),) = sweep.items()
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        msg = f"sweep (={sweep!r}) must give a list of values of {name!r}."
        raise UsageError(msg)
    if name in condition:
        msg = f"{name!r} is in the sweep ({sweep!r}) and in the condition ({condition!r}): leave one of them out."
        raise UsageError(msg)
    return [(str(name), value) for value in values]


def _place(given: Mapping[str, Any], schema: CaseSchema, where: str) -> Mapping[str, float]:
    """Return what a zone stands for."""
    zones = {name.casefold(): place for name, place in schema.zones.items()}
    place = zones.get(str(given[ZONE]).casefold())
    if place is None:
        msg = f"{where}: there is no zone {given[ZONE]!r}; zones are {', '.join(schema.zones)}."
        raise CaseError(msg)
    if twice := [key for key in place if key in given]:
        msg = f"{where}: {ZONE}={given[ZONE]!r} and {twice[0]}={given[twice[0]]} state the same. Leave one of them out."
        raise CaseError(msg)
    return place


def _table(dataset_dir: str | Path | None) -> CaseTable:
    if dataset_dir is None:
        msg = "State what to generate: --condition '{...}', or --dataset_dir with a table of conditions."
        raise UsageError(msg)
    path = Path(dataset_dir).expanduser().resolve()
    file = path / TABLE if path.is_dir() else path
    if not file.is_file():
        msg = (
            f"No cases found in {path}: there is no table of conditions {file.name}, a CSV file with a column case_id "
            f"and one per condition."
        )
        raise CaseError(msg)
    table = CaseTable.read(file, {})
    if not table.rows:
        msg = f"No cases found in {path}: the table has no rows. Add one per sample."
        raise CaseError(msg)
    return table


def _row(
    row: tuple[str, Mapping[str, str]], schema: CaseSchema, vocabulary: Vocabulary
) -> tuple[dict[str, Any], str | None]:
    """Return the conditions in a row, and what is wrong with it."""
    where, cells = row
    stated = {key: value for key, value in cells.items() if key in schema.condition_keys or key == ZONE}
    try:
        return read_condition(stated, schema, vocabulary, where), None
    except CaseError as error:
        return {}, str(error)


def _request(name: str, seed: int, asked: Mapping[str, Any], problem: str | None = None) -> dict[str, Any]:
    """Return a sample to generate; ``condition`` is what was asked for, as JSON."""
    told = {} if problem is None else {"problem": problem}
    return {"case_id": name, "seed": seed, "condition": json.dumps(asked), **asked, **told}


def check_place(
    output_dir: str | Path, dataset_dir: str | Path | None, condition: Any = None, sweep: Any = None
) -> None:
    """Refuse to write generated images into the folder whose table says what to generate, with its real images.

    Args:
        output_dir: Output folder.
        dataset_dir: The table, or its folder.
        condition: If it is given, no table is read.
        sweep: The same.

    Raises:
        CaseError: With both folders.
    """
    if dataset_dir is not None and condition is None and not sweep:
        path = Path(dataset_dir).expanduser().resolve()
        folder = path if path.is_dir() else path.parent
        inside = [*folder.iterdir(), *((folder / "images").iterdir() if (folder / "images").is_dir() else ())]
        if any(image_suffix(file) for file in inside):
            check_apart(output_dir, [folder])
