"""Have what cases lack made by other bundles, before anything is predicted from them.

For each case a folder ``<output_dir>/completed/<case>/`` comes into being that is a whole case for any program:

=====================================================  =================================================================
``<case>_<modality>.nii.gz``, ``<case>_mask.nii.gz``   what was given, byte for byte
``<case>_synthetic_<modality>.nii.gz`` and ``.json``   what was made, marked as synthetic, and what it was made from
=====================================================  =================================================================

What was made earlier from the same files by the same weights is used again.
"""

from __future__ import annotations

import glob
import logging
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from scanfill.checksums import file_checksum
from scanfill.data.evaluation_cases import refuse_seen
from scanfill.data.image import volume_suffix
from scanfill.data.provenance import carry_mark, read_sidecar, synthetic_path, voxels_checksum
from scanfill.engines.training_record import input_names
from scanfill.errors import CaseError, UsageError
from scanfill.missing.completed import copy_volume
from scanfill.missing.generators import Generator, how_to_make, open_generator

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import torch

    from scanfill.data.schema import CaseSchema

logger = logging.getLogger(__name__)

Case = dict[str, Any]

FOLDER = "completed"
"""Below the output folder."""


@dataclass(eq=False, repr=False)
class Imputation:
    """Make what cases lack, by ``synthesize`` (a bundle for each modality) or ``complete`` (one for all).

    Bundles are opened, and checked, only as far as some case needs them.

    Args:
        strategy: ``synthesize`` or ``complete``.
        output_dir: The completed cases go into its subfolder ``completed``.
        schema: Which images there may be, and the bundles that make them.
        completion_bundle: Folder of a ``mri_modality_completion``.
        synthesis_bundles: Modality -> folder of a ``mri_modality_synthesis``.
        device: Where their networks run.
    """

    strategy: str
    output_dir: str | Path
    _: KW_ONLY
    schema: CaseSchema
    completion_bundle: str | Path | None = None
    synthesis_bundles: Mapping[str, str | Path] | None = None
    device: str | torch.device = "cpu"

    def __post_init__(self) -> None:
        self.copied = [*self.schema.image_keys, *([self.schema.mask_key] if self.schema.mask_key else [])]
        self.folder = Path(self.output_dir) / FOLDER
        self._bundles = dict(self.synthesis_bundles or {})
        self._opened: dict[str, Generator] = {}
        self._checksums: dict[str, str] = {}

    def run(self, cases: Sequence[Case], modalities: Sequence[str], *, judged: bool = False) -> list[Case]:
        """Complete the cases that lack something.

        Args:
            cases: With the paths of their images; one that lacks nothing, or has a ``problem``, stays as it is.
            modalities: Those that are needed.
            judged: Whether a model will be judged on these cases; then a generator must not have learned from them.

        Returns:
            In their order. A completed case has the paths of its folder and names what was made under ``synthetic``;
            one that could not be completed has the reason under ``problem``.

        Raises:
            UsageError: A bundle that is needed was not named, or cannot be used.
            CaseError: A generator has learned from a case to judge.
        """
        wanted = {index: targets for index, case in enumerate(cases) if (targets := lacking(case, modalities))}
        if wanted:
            self._check_named()
        plans = {index: self._plan(cases[index], targets) for index, targets in wanted.items()}
        if judged:
            for generator in self._opened.values():
                used = [cases[i] for i, plan in plans.items() if isinstance(plan, dict) and generator in plan.values()]
                what = f"{generator.option} (={str(generator.folder)!r})"
                refuse_seen(used, generator.record.get("training"), what, "or train the generator without them")
        results = list(cases)
        for index, plan in tqdm(plans.items(), desc="Completing", unit="case", disable=not plans):
            if isinstance(plan, str):
                results[index] = results[index] | {"problem": plan}
                continue
            try:
                results[index] = self._complete(results[index], plan)
            except (CaseError, OSError) as error:
                made = " and ".join(plan)
                problem = f"Case {results[index]['case_id']!r}: {made} could not be made: {error}"
                results[index] = results[index] | {"problem": problem}
        return results

    def _check_named(self) -> None:
        """Refuse a strategy whose bundle was not named, once a case needs it."""
        if self.strategy == "complete" and not self.completion_bundle:
            msg = (
                "missing='complete' needs --completion_bundle PATH, the folder of a trained mri_modality_completion, "
                f"whose network makes what is missing. {how_to_make(self.schema.generators['complete'].bundle)}"
            )
            raise UsageError(msg)
        if self.strategy == "synthesize" and not self._bundles:
            msg = (
                f"missing='synthesize' needs --synthesis_bundles \"{{'{self.schema.image_keys[-1]}': PATH}}\", for "
                "each modality that may be missing the folder of a trained mri_modality_synthesis whose target it is. "
                f"{how_to_make(self.schema.generators['synthesize'].bundle)}"
            )
            raise UsageError(msg)

    def _plan(self, case: Case, targets: Sequence[str]) -> dict[str, Generator] | str:
        """Say what makes each modality, or why a case cannot be completed."""
        plan: dict[str, Generator] = {}
        there = ", ".join(name for name in self.schema.image_keys if case.get(name)) or "none"
        for target in targets:
            name = f"Case {case['case_id']!r} has no {target} image; it has {there}."
            if self.strategy == "synthesize" and target not in self._bundles:
                return (
                    f"{name} No bundle makes it: pass --synthesis_bundles \"{{'{target}': PATH}}\", the folder of a "
                    f"trained mri_modality_synthesis with that target (given: "
                    f"{', '.join(self._bundles)}), or --missing complete."
                )
            generator = self._open(target)
            sources, given = input_names(generator.record), generator.sources_of(case)
            lacks = [source for source in sources if source not in given]
            if not generator.makes(target):
                return f"{name} {generator.option} knows only {', '.join(sources)}: give one that makes {target}."
            if lacks and (self.strategy == "synthesize" or not given):
                how = {source: "synthetic" if case.get(source) else "missing" for source in lacks}
                return (
                    f"{name} {generator.option} makes it from {', '.join(sources)}, of which "
                    f"{' and '.join(f'{source} is {state}' for source, state in how.items())}: nothing is made from a "
                    f"synthetic image. Add the acquired file, or take --missing complete, which needs one modality."
                )
            plan[target] = generator
        return plan

    def _open(self, target: str) -> Generator:
        """Open the bundle that makes a modality, each only once."""
        complete = self.strategy == "complete"
        option = "completion_bundle" if complete else f"synthesis_bundles[{target!r}]"
        if option not in self._opened:
            folder = self.completion_bundle if complete else self._bundles[target]
            self._opened[option] = open_generator(
                folder or "",
                self.strategy,
                option,
                schema=self.schema,
                output_dir=self.folder,
                device=self.device,
                target=None if complete else target,
            )
        return self._opened[option]

    def _complete(self, case: Case, plan: Mapping[str, Generator]) -> Case:
        """Make one case's folder, unless it is there already, and return the case as it lies in it."""
        case_id = str(case["case_id"])
        folder = self.folder / case_id
        paths = {key: Path(case[key]) for key in self.copied if case.get(key)}
        inside = [path for path in paths.values() if path.resolve().parent == folder.resolve()]
        if inside:
            msg = f"{inside[0]} lies in {folder}, where the completed case goes. Choose another --output_dir."
            raise CaseError(msg)
        generated = [key for key in paths if key in case.get("synthetic", ())]
        copies = {key: folder / copy_name(case_id, key, path, key in generated) for key, path in paths.items()}
        acquired = {key: value for key, value in case.items() if key not in generated} | {"synthetic": []}
        if self._is_made(case_id, copies, paths, plan, acquired):
            logger.info("Used again, made from the same files by the same weights: %s", folder)
        else:
            _clear(folder, case_id, self.copied)
            for generator in {id(generator): generator for generator in plan.values()}.values():
                generator.make(acquired)
            for key, path in paths.items():
                if not _same(path, copies[key]):
                    copy_volume(path, folder, copies[key].name.removesuffix(volume_suffix(path)))
                if key in generated:
                    carry_mark(path, copies[key], "copied")
        made = {target: synthetic_path(self.folder, case_id, target) for target in plan}
        if absent := [str(path) for path in made.values() if not path.is_file()]:
            msg = f"its bundle ran but did not write {', '.join(absent)}."
            raise CaseError(msg)
        found = {key: str(path) for key, path in (copies | made).items()}
        return case | found | {"synthetic": [*generated, *plan]}

    def _is_made(
        self,
        case_id: str,
        copies: Mapping[str, Path],
        paths: Mapping[str, Path],
        plan: Mapping[str, Generator],
        acquired: Case,
    ) -> bool:
        """Tell whether a case's folder holds what would be made now: same files, same weights, same versions."""
        if any(volume_suffix(path).lower() == ".mhd" for path in paths.values()):
            return False  # its voxels lie in another file
        given_before = {
            path for key in self.copied for path in (self.folder / case_id).glob(f"{glob.escape(case_id)}_{key}.*")
        }
        if given_before - set(copies.values()) or not all(_same(path, copies[key]) for key, path in paths.items()):
            return False
        for target, generator in plan.items():
            image = synthetic_path(self.folder, case_id, target)
            facts = read_sidecar(image) or {}
            maker = facts.get("generator") or {}
            found = {"version": maker.get("version"), "scanfill": maker.get("scanfill")}
            found["sha256"] = (maker.get("checkpoint") or {}).get("sha256")
            inputs = {key: about.get("sha256") for key, about in (facts.get("inputs") or {}).items()}
            expected = {source: self._checksum(paths[source]) for source in generator.sources_of(acquired)}
            if not image.is_file() or found != generator.identity or inputs != expected:
                return False
            if facts.get("voxels_sha256") != voxels_checksum(image):
                return False
        return True

    def _checksum(self, path: Path) -> str:
        return self._checksums.setdefault(str(path), file_checksum(path))


def lacking(case: Mapping[str, Any], modalities: Iterable[str]) -> list[str]:
    """List the modalities that a case lacks; none where it has a ``problem`` anyway."""
    return [] if case.get("problem") else [name for name in modalities if not case.get(name)]


def copy_name(case_id: str, key: str, source: Path, generated: bool = False) -> str:
    """Name a file in a completed case: by the case and what it is; its type stays."""
    return f"{case_id}_{'synthetic_' * generated}{key}{volume_suffix(source)}"


def _clear(folder: Path, case_id: str, copied: Sequence[str]) -> None:
    """Remove what an earlier run has made of a case from other files, or by other weights."""
    for path in sorted(folder.glob("*")):
        rest = path.name.removeprefix(f"{case_id}_")
        if rest != path.name and rest.split(".")[0].split("_")[0] in (*copied, "synthetic", "preview"):
            path.unlink()


def _same(source: Path, copy: Path) -> bool:
    """Tell whether two files are equal byte for byte."""
    return (
        copy.is_file() and source.stat().st_size == copy.stat().st_size and file_checksum(source) == file_checksum(copy)
    )
