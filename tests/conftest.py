"""Shared fixtures: a small cohort of phantoms, and each bundle trained once."""

from __future__ import annotations

import functools
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser
from xdist.scheduler import LoadScopeScheduling

from fork_server import run_module
from scanfill.data.schema import Request
from scanfill.sharing.declaration import Declaration, read_declaration

pytest_plugins = ("cpu_seconds", "inpainting_phantoms")

REPO = Path(__file__).parents[1]
SIDE = 32
"""Largest patch size along an axis: that of the phantoms, as a larger patch would only add padding."""
EXIT_STATUS = pytest.StashKey[int]()
ROOT = Path(os.environ.get("SCANFILL_BUNDLES", REPO / "bundles"))
"""Folder of the tested bundles: the project's own or another one."""

BUNDLES = sorted(path for path in ROOT.iterdir() if (path / "configs").is_dir())


@dataclass(frozen=True)
class TrainedBundle:
    """A bundle after the full chain of training, evaluation and inference."""

    source: Path
    root: Path
    logs: dict[str, str]

    @property
    def declared(self) -> Declaration:
        """The bundle's declaration."""
        file = self.source / "configs" / "metadata.json"
        return read_declaration(json.loads(file.read_text(encoding="utf-8")), str(file))

    @property
    def data(self) -> Path:
        """Folder of its data: phantoms it created, or the data next to the bundles."""
        return self.root / "data" if self.declared.smoke.phantoms else self.source.parent / "data" / self.source.name

    @property
    def dataset_dir(self) -> Path:
        """Folder of the training data."""
        return min(path for path in self.data.iterdir() if path.is_dir())

    @property
    def new_cases(self) -> Path:
        """Folder of the inference data: the same cases, or others without the images that the bundle synthesizes."""
        return max(path for path in self.data.iterdir() if path.is_dir())

    def case_ids(self) -> list[str]:
        """Names of the cases that inference is to use."""
        kind, request = self.declared.kind, Request(labels="none", strict=False, check=False)
        names = [str(case["case_id"]) for case in kind.finder.find(self.new_cases, kind, request).cases]
        if self.declared.of_training:
            split = json.loads((self.root / "datalist.json").read_text(encoding="utf-8"))
            known = {case["case_id"] for case in split["training"]}
            return [name for name in names if name in known]
        return names

    def configs(self, *names: str) -> list[str]:
        """Paths of configs, including the bundle's laptop-sized network if it has one."""
        files = [self.source / "configs" / name for name in (*names, "small.yaml")]
        return [str(file) for file in files if file.exists()]


def run_bundle(configs: list[str], *knobs: str, code: int = 0, timeout: int = 300) -> str:
    """Run ``python -m monai.bundle run`` as a user would, in a separate process, but without the cost of imports."""
    finished = run_module("monai.bundle", "run", "--config_file", str(configs), *knobs, timeout=timeout)
    log = finished.stdout + finished.stderr
    assert finished.returncode == code, f"exit code {finished.returncode}, expected {code}:\n{log[-5000:]}"
    return log


@functools.cache
def small_steps(*files: str) -> dict[str, Any]:
    """Overrides that shorten a run, if the configs have these options: small patches, and two of them per step."""
    config, knobs = ConfigParser.load_config_files(list(files)), dict[str, Any]()
    if isinstance(patch := config.get("patch_size"), list):
        knobs["patch_size"] = [min(side, SIDE) for side in patch]
    if isinstance(batch := config.get("batch_size"), int):
        knobs["batch_size"] = min(2, batch)
    return knobs


def words(knobs: dict[str, Any]) -> list[str]:
    """Overrides as command-line arguments."""
    return [word for name, value in knobs.items() for word in (f"--{name}", str(value))]


@pytest.fixture(scope="session", params=BUNDLES, ids=lambda path: path.name)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TrainedBundle:
    """Each bundle, trained for seconds on a few small phantoms that it creates, then evaluated and used for "
    "inference."""
    bundle = TrainedBundle(request.param, tmp_path_factory.mktemp(request.param.name), {})
    where, smoke = {"bundle_root": bundle.root}, bundle.declared.smoke
    known: dict[str, Any] = {"dataset_dir#cases": smoke.cases, "dataset_dir#size": smoke.size}
    new = known
    if smoke.phantoms is None:
        known, new = ({"dataset_dir": folder} for folder in (bundle.dataset_dir, bundle.new_cases))
    chain = {
        "train": ([*bundle.configs("train.yaml"), str(REPO / "configs" / "smoke.yaml")], known),
        "evaluate": (bundle.configs("train.yaml", "evaluate.yaml"), known),
        "inference": (bundle.configs("inference.yaml"), new),
    }
    for name, (files, data) in chain.items():
        bundle.logs[name] = run_bundle(files, *words({**where, **data, **small_steps(*files)}))
    return bundle


def bundle_of(nodeid: str) -> str | None:
    """The bundle among a test's parameters."""
    parameters = nodeid.partition("[")[2]
    return next((bundle.name for bundle in BUNDLES if bundle.name in parameters), None)


class ByBundle(LoadScopeScheduling):  # type: ignore[misc]  # xdist is untyped
    """With two test processes, keep tests together that share a trained bundle, or otherwise a file."""

    def _split_scope(self, nodeid: str) -> str:
        return bundle_of(nodeid) or nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByBundle:
    """Distribute the tests; the groups of xdist 3.8.0 have no effect with pytest 9.2."""
    return ByBundle(config, log)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Store the exit status for the end of the process."""
    session.config.stash[EXIT_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Exit with the tests' result as soon as everything is printed.

    With the native libraries of ITK, PyTorch and TensorBoard in one long process, the interpreter sometimes crashed
    during teardown after all tests had passed. Ordinary runs load fewer libraries and are not affected.
    """
    if EXIT_STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[EXIT_STATUS])
