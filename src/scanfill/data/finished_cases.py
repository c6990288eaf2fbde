"""Keep the results of an earlier or interrupted run: a case is not predicted twice from the same files and weights."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from scanfill.checksums import file_checksum
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.engines.run_settings import run_settings
from scanfill.errors import UsageError
from scanfill.files import check_apart, check_name, writing
from scanfill.replacing import allow_replacing, check_replaceable, may_be_replaced

logger = logging.getLogger(__name__)

Case = dict[str, Any]

NAME = "finished.json"
USE = "Research use only. Not for diagnosis or treatment."


class FinishedCases:
    """List of the predicted cases in a folder, ``finished.json``; a handler of the evaluator that adds each new one.

    For each case it states what the result depends on (checksums of the input files and of the weights, and of the
    run's settings) and which files were written, with their checksums. Attach it last, after everything that writes.

    Args:
        output_dir: Folder of the results, with one subfolder per case.
        checkpoint: The weights.
        schema: Name of a kind of data, or its schema: the files of a case.
        replace: Files, or folders, that may be replaced although scanfill did not write them or they were changed.
        case_key: Key of the case's name in the engine's batch.
        new_cases: Whether results are cases with names of their own, which must not be among the data either.
        more_keys: Keys of further files that a result depends on, besides those of the schema.

    Attributes:
        done: Names of the cases that were left out because they are finished, and of those predicted since.
        edited: Case that was left out -> names of its files that were changed since it was predicted.
    """

    def __init__(
        self,
        output_dir: str | Path,
        checkpoint: str | Path,
        *,
        schema: CaseSchema | str | Mapping[str, Any],
        replace: str | Sequence[str] | None = None,
        case_key: str = "case_id",
        new_cases: bool = False,
        more_keys: Sequence[str] = (),
    ) -> None:
        allow_replacing(replace)
        self.output_dir = Path(output_dir)
        self.path = self.output_dir / NAME
        self.checkpoint = Path(checkpoint)
        self.schema = load_schema(schema)
        self.case_key = case_key
        self.new_cases = new_cases
        self.more_keys = tuple(more_keys)
        self.settings = run_settings()
        self.cases: dict[str, dict[str, Any]] = {}
        self.done: set[str] = set()
        self.edited: dict[str, list[str]] = {}
        self._depends_on: dict[str, dict[str, str]] = {}

    def leave_out(self, cases: Sequence[Case]) -> list[Case]:
        """Return the cases that have to be predicted.

        A case that must not be predicted, because its result would be next to the images or replace a file that
        scanfill did not write, gets the reason under ``problem``.

        Args:
            cases: Cases with the paths of their files.
        """
        self.cases = read_finished(self.path)
        weights = file_checksum(self.checkpoint) if self.checkpoint.is_file() else ""
        folders = {Path(path).resolve().parent for case in cases for path in self._paths(case).values()}
        if self.new_cases:
            folders |= {folder.parent for folder in folders} & {self.output_dir.resolve()}
        unfinished = []
        for case in cases:
            if case.get("problem"):
                unfinished.append(case)
                continue
            case_id = str(case["case_id"])
            try:
                check_name(case["case_id"], "The name of a case")
                check_apart(self.output_dir / case_id, folders)
                if self._is_finished(case, weights):
                    self.done.add(case_id)
                    continue
                self._check_replaceable(case)
            except (UsageError, OSError) as error:
                unfinished.append(case | {"problem": f"Case {case_id!r}: {error}"})
                continue
            unfinished.append(case)
        if kept := len(cases) - len(unfinished):
            logger.info(
                "%d of %d cases are in %s already, predicted from the same files with the same weights and settings.",
                *(kept, len(cases), self.output_dir),
            )
        return unfinished

    def attach(self, engine: Engine) -> None:
        """Add a case after each iteration."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Add the cases of one decollated batch."""
        predicted = [str(item[self.case_key]) for item in engine.state.batch]
        self.done.update(predicted)
        for case_id in predicted:
            if case_id in self._depends_on:
                files = {path.name: file_checksum(path) for path in _files_of(self.output_dir / case_id)}
                self.cases[case_id] = {"depends_on": self._depends_on[case_id], "files": files}
        if not self._depends_on.keys() & set(predicted):  # not started by `python -m monai.bundle run`
            return
        with writing(self.path) as temporary:
            temporary.write_text(json.dumps({"use": USE, "finished": self.cases}, indent=1) + "\n", encoding="utf-8")

    def _is_finished(self, case: Case, weights: str) -> bool:
        case_id, known = str(case["case_id"]), self.cases.get(str(case["case_id"]))
        if self.settings is None or any(path.lower().endswith(".mhd") for path in self._paths(case).values()):
            return False  # the voxels of a .mhd are in another file
        self._depends_on[case_id] = {"weights": weights, "settings": self.settings, **self._inputs(case)}
        if known is None or known.get("depends_on") != self._depends_on[case_id]:
            return False
        folder = self.output_dir / case_id
        if not all((folder / name).is_file() for name in known["files"]):
            return False
        if edited := self._edited(case_id):
            self.edited[case_id] = edited
            logger.warning("Case %r: kept as it is; changed since it was predicted: %s.", case_id, ", ".join(edited))
        return True

    def _inputs(self, case: Case) -> dict[str, str]:
        found = {name: file_checksum(path) for name, path in self._paths(case).items()}
        conditions = {key: str(case[key]) for key in self.schema.condition_keys if key in case}
        return found | conditions | {"unusable": ", ".join(sorted(case.get("unusable") or ()))}

    def _paths(self, case: Case) -> dict[str, str]:
        """List the files of a case; a truth may have several."""
        found: dict[str, str] = {}
        for key in (*self.schema.path_keys, *self.more_keys):
            files = case.get(key) or ()
            listed = [files] if isinstance(files, str) else files
            found |= {f"{key} {number}": path for number, path in enumerate(listed) if path}
        return found

    def _edited(self, case_id: str) -> list[str]:
        known = self.cases.get(case_id, {}).get("files", {})
        paths = {name: self.output_dir / case_id / name for name in known}
        return [name for name, path in paths.items() if path.is_file() and file_checksum(path) != known[name]]

    def _check_replaceable(self, case: Case) -> None:
        """Refuse to replace a result that was edited, or a file that scanfill did not write.

        Raises:
            UsageError: With the file.
        """
        case_id = str(case["case_id"])
        folder, known = self.output_dir / case_id, self.cases.get(case_id, {}).get("files", {})
        edited = self._edited(case_id)
        allow_replacing([folder / name for name in known if name not in edited])
        copied = set(self._inputs(case).values())  # a completed case has copies of its images
        for path in _files_of(folder):
            if path.name in edited and not may_be_replaced(path):
                msg = (
                    f"{path} was changed since it was predicted, so it is not replaced. Move it away, or pass "
                    f"--replace {path}."
                )
                raise UsageError(msg)
            if path.name.startswith(f"{case_id}_") and file_checksum(path) not in copied:
                check_replaceable(path)


def inputs_of(result: str | Path) -> set[str] | None:
    """Return the SHA-256 of the files that a result was predicted from.

    Args:
        result: A file in the folder of a case, such as ``<output_dir>/<case>/<case>_seg.nii.gz``.

    Returns:
        None if its folder has no list of finished cases, or the file is not listed or was changed since.
    """
    result = Path(result).resolve()
    entry = read_finished(result.parents[1] / NAME).get(result.parent.name, {})
    if entry.get("files", {}).get(result.name) != file_checksum(result):
        return None
    return {value for name, value in entry["depends_on"].items() if name not in ("weights", "settings")}


def read_finished(path: Path) -> dict[str, dict[str, Any]]:
    """Read a list of finished cases; empty if there is none, or the file has other content."""
    try:
        finished = json.loads(path.read_text(encoding="utf-8"))["finished"]
        return {name: dict(entry) for name, entry in finished.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _files_of(folder: Path) -> list[Path]:
    """List the visible files of a case's folder."""
    return sorted(path for path in folder.glob("*") if path.is_file() and not path.name.startswith("."))
