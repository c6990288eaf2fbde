"""New training cases that a generator has made from others: what is asked for, and the list of what there is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scanfill.data.image import image_suffix
from scanfill.data.lists import read_list, write_split
from scanfill.data.provenance import stem_of, synthetic_path
from scanfill.data.schema import CaseSchema, LabelSpec
from scanfill.data.schema_names import load_schema
from scanfill.errors import UsageError

Case = dict[str, Any]

SOURCE, SEED = "source_case", "seed"
"""Keys of a request: the case that a new one is made from, as its files name it, and the seed of all that is random."""


def list_new_cases(
    requests: Sequence[Case],
    output_dir: str | Path,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    modalities: Sequence[str],
    name: str,
    private: Sequence[str] = (),
    learned_from: Mapping[str, Sequence[str]] | None = None,
    datalist: str | Path | None = None,
) -> Path | None:
    """Write ``<output_dir>/list.json``: the labelled originals and every new case that there is, as training cases.

    Nothing is written if there is no new case.

    Args:
        requests: New cases that were asked for: the original with a new ``case_id``, :py:data:`SOURCE` and
            :py:data:`SEED`.
        output_dir: Folder of the new cases.
        schema: Name of a kind of data, or its schema.
        modalities: The images of a case.
        name: Name of the generator's bundle, which becomes that of the list.
        private: Further keys of a request that are no property of the case.
        learned_from: ``cases`` and ``patients`` that the network learned from.
        datalist: The list that the originals come from; its validation part is kept.

    Raises:
        UsageError: The schema has no label map.
    """
    kind = load_schema(schema)
    spec = label_of(kind)
    keys = [*modalities, spec.key, *([kind.mask_key] if kind.mask_key else [])]
    originals: dict[str, Case] = {}
    made = []
    for request in requests:
        hidden = (SOURCE, SEED, "problem", *private)
        own = {key: value for key, value in request.items() if key not in hidden}
        if all(request.get(key) for key in (*modalities, spec.key)) and not request.get("synthetic"):
            originals[request[SOURCE]] = own | {"case_id": request[SOURCE]}
        files = {key: _written(Path(output_dir), str(request["case_id"]), key) for key in keys}
        if all(files.values()):
            fixed = {"label_convention": next(iter(spec.conventions))} if len(spec.conventions) > 1 else {}
            made.append(fixed | own | files | {"synthetic": keys})  # the mask too: its name says so
    if not made:
        return None
    split: dict[str, list[Case]] = {"training": [*originals.values(), *made]}
    if datalist is not None:
        split["validation"] = read_list(datalist, schema=kind, modalities=modalities).get("validation", [])
    patients = list((learned_from or {}).get("patients", ()))
    return write_split(split, Path(output_dir) / "list.json", schema=kind, name=name, learned_from=patients)


def label_of(kind: CaseSchema) -> LabelSpec:
    """Return the truth of a kind of data.

    Raises:
        UsageError: It has none.
    """
    if kind.label is None:
        msg = f"The schema {kind.name!r} has no label map, which new cases need: state its 'label'."
        raise UsageError(msg)
    return kind.label


def state_convention(cases: Sequence[Case], kind: CaseSchema, labels: str) -> None:
    """State what the values of a new label map mean if the case has none: as asked, or as in the other cases."""
    known = kind.label.conventions if kind.label else {}
    others = [case["label_convention"] for case in cases if "label_convention" in case]
    for case in cases:
        wanted = next((name for name in (labels, *others, case.get("output_labels")) if name in known), None)
        if wanted is not None:
            case.setdefault("label_convention", wanted)


def _written(folder: Path, case_id: str, key: str) -> str:
    """Return the file of a new case, or an empty text."""
    name = synthetic_path(folder, case_id, key).name
    found = [
        path for path in (folder / case_id).glob("*") if image_suffix(path) and stem_of(path) == stem_of(Path(name))
    ]
    return str(found[0].resolve()) if found else ""
