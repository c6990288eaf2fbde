"""Every folder in bundles/ follows MONAI's rules and ours, and its chain of training, evaluation and inference runs."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import monai.bundle
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow

from conftest import BUNDLES, REPO, TrainedBundle
from scanfill.domains import find_phantoms
from scanfill.engines.checkpoint_files import read_checkpoint
from scanfill.sharing.declaration import Declaration, read_declaration

STATED = "@_meta_#scanfill#schema"
"""How a config names a schema that the metadata state in words."""

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = REPO.parent / "shared" / "schemas" / "meta_schema_20240725.json"
# Required by MONAI's metadata schema of 2024-07-25.
REQUIRED_METADATA = {
    "schema",
    "version",
    "monai_version",
    "pytorch_version",
    "numpy_version",
    "required_packages_version",
    "task",
    "description",
    "authors",
    "copyright",
    "network_data_format",
}
bundles = pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)


def metadata(bundle: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((bundle / "configs" / "metadata.json").read_text())
    return content


def declared(bundle: Path) -> Declaration:
    return read_declaration(metadata(bundle), bundle.name)


def inputs_of_network(bundle: Path, side: int, batch: int = 1) -> dict[str, torch.Tensor]:
    """An example of each argument of the network's ``forward``, as the metadata describe it."""
    described = metadata(bundle)["network_data_format"]["inputs"]
    examples = {}
    for name in declared(bundle).inputs_of_network:
        about = described[name]
        given = about["type"] != "image"  # an image's is a recommendation, which takes minutes in 3-D
        sizes = [
            size if given and isinstance(size, int) else side * multiple(size) // 16 for size in about["spatial_shape"]
        ]
        shape = (batch, *([about["num_channels"]] if about["num_channels"] else []), *sizes)
        kind = getattr(torch, about["dtype"])
        drawn = torch.rand if given else torch.randn  # conditions may be numbers of categories: the first ones
        examples[name] = torch.randint(0, 4, shape).to(kind) if about["dtype"] == "int64" else drawn(shape)
    return examples


def multiple(size: int | str) -> int:
    """What the sides must be multiples of, as ``32*n`` says; usually 16."""
    return int(size.removesuffix("*n")) if isinstance(size, str) and size.endswith("*n") else 16


def config(bundle: Path, name: str) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config(str(bundle / "configs" / name))
    return parser


def test_there_are_bundles() -> None:
    assert BUNDLES


@bundles
@pytest.mark.parametrize("name", ["LICENSE", "docs/README.md", "docs/data_license.txt", "configs/logging.conf"])
def test_documents_are_there(bundle: Path, name: str) -> None:
    assert (bundle / name).stat().st_size > 0


@bundles
def test_there_is_no_python_in_a_bundle(bundle: Path) -> None:
    assert not list(bundle.rglob("*.py"))


@bundles
def test_metadata_has_the_required_keys_and_a_changelog_of_its_version(bundle: Path) -> None:
    content = metadata(bundle)
    assert set(content) >= REQUIRED_METADATA
    changelog = content["changelog"]
    assert isinstance(changelog, dict)
    assert content["version"] in changelog


@bundles
@pytest.mark.skipif(not SCHEMA.exists(), reason="MONAI's metadata schema is not at hand")
def test_metadata_fits_the_schema(bundle: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(metadata(bundle), json.loads(SCHEMA.read_text()))


@bundles
def test_the_readme_says_that_it_is_for_research(bundle: Path) -> None:
    assert "Research use only. Not for diagnosis or treatment." in (bundle / "docs" / "README.md").read_text()


@bundles
def test_train_has_the_ids_that_its_task_asks_for(bundle: Path) -> None:
    assert set(config(bundle, "train.yaml").get()) >= declared(bundle).contract


@bundles
def test_its_phantoms_are_a_kind_that_there_is(bundle: Path) -> None:
    phantoms = declared(bundle).smoke.phantoms
    assert phantoms is None or phantoms in find_phantoms()


@bundles
def test_configs_use_the_schema_that_the_metadata_name(bundle: Path) -> None:
    stated = {name: config(bundle, name)["schema"]["name"] for name in ("train.yaml", "inference.yaml")}
    assert set(stated.values()) <= {declared(bundle).schema if isinstance(declared(bundle).schema, str) else STATED}


@bundles
def test_only_those_that_segment_have_the_knob_of_test_time_augmentation(bundle: Path) -> None:
    segments = declared(bundle).task == "segmentation"
    for name in ("train.yaml", "inference.yaml"):
        parser = config(bundle, name)
        assert [parser.get(knob) is not None for knob in ("tta", "flipped_axes")] == [segments, segments]


@bundles
@pytest.mark.parametrize("part", ["network_def", "inferer"])
def test_train_and_inference_state_the_same(bundle: Path, part: str) -> None:
    if part in declared(bundle).contract:
        assert config(bundle, "train.yaml")[part] == config(bundle, "inference.yaml")[part]


@bundles
def test_training_and_inference_prepare_an_image_alike(bundle: Path) -> None:
    if declared(bundle).task not in ("segmentation", "translation"):
        pytest.skip("it is used on something else than images")
    train, inference = config(bundle, "train.yaml"), config(bundle, "inference.yaml")
    assert train["preprocessing"] == "$@reading + @normalization"
    leave_images_alone = {"CopyItemsd", "scanfill.domains.brain_mri.quality.WarnOfQualityd"}
    chain = inference["preprocessing"]["transforms"]
    if isinstance(chain, str):  # a case is changed between these: a mask is placed
        chain = [step for name in ("reading", "fitting", "normalization") for step in inference[name]]
    targets = [
        [step["_target_"] for step in steps if step["_target_"] not in leave_images_alone]
        for steps in (train["reading"] + train["normalization"], chain)
    ]
    assert targets[0] == targets[1]


@bundles
def test_network_takes_and_gives_what_the_metadata_says(bundle: Path) -> None:
    folder = bundle / "configs"
    _, *further = inputs_of_network(bundle, 64).items()
    monai.bundle.verify_net_in_out(
        net_id="network_def",
        meta_file=str(folder / "metadata.json"),
        config_file=str(folder / "inference.yaml"),
        device="cpu",
        n=4,
        extra_forward_args=dict(further),
    )


@pytest.mark.parametrize(("name", "workflow"), [("train.yaml", "train"), ("inference.yaml", "infer")])
def test_monai_finds_the_properties_it_requires(trained: TrainedBundle, name: str, workflow: str) -> None:
    cases = trained.dataset_dir if workflow == "train" else trained.new_cases
    knobs = {"bundle_root": str(trained.root), "dataset_dir": str(cases)}
    run = ConfigWorkflow(trained.configs(name), workflow_type=workflow, logging_file=False, **knobs)
    run.initialize()
    assert run.check_properties() == []


def test_training_leaves_the_best_and_the_last_checkpoint(trained: TrainedBundle) -> None:
    for name in ("model.pt", "last.pt"):
        weights = read_checkpoint(trained.root / "models" / name)["network"]
        assert all(value.isfinite().all() for value in weights.values() if value.is_floating_point())


def test_training_says_its_device_and_shows_progress(trained: TrainedBundle) -> None:
    assert "Device: " in trained.logs["train"]
    assert "Training" in trained.logs["train"]


def test_training_writes_a_tensorboard_log(trained: TrainedBundle) -> None:
    assert list((trained.root / "eval").glob("events.out.tfevents.*"))


def test_evaluation_writes_tables_that_say_what_they_are_worth(trained: TrainedBundle) -> None:
    tables = {path.stem: path.read_text() for path in (trained.root / "eval").glob("*.csv")}
    assert tables
    if trained.declared.task != "generation" and not (trained.root / "eval" / "judgement.html").exists():
        summaries = [name for name in tables if name.endswith("summary")]
        assert len(summaries) * 2 == len(tables.keys() - {"slices"}), "of each, one row a case, and a summary"
    if trained.declared.smoke.phantoms:
        assert all("phantoms: checks the software, says nothing about patients" in text for text in tables.values())


def test_inference_writes_something_for_every_case(trained: TrainedBundle) -> None:
    written = trained.root / "eval" / "predictions"
    names = [trained.declared.new_case.format(case=case) for case in trained.case_ids()]
    assert sorted(path.name for path in written.iterdir() if path.is_dir()) == names
    for case in names:
        assert list((written / case).glob("*.json")), "what it is, beside it"
        if trained.declared.task != "generation":
            assert list((written / case).glob("*_preview.png"))


def test_network_exports_to_torchscript(trained: TrainedBundle, tmp_path: Path) -> None:
    if trained.declared.export == "none":
        pytest.skip("the bundle says that its network is not exported")
    configs, file = trained.configs("inference.yaml"), tmp_path / "model.ts"
    parser = ConfigParser()
    parser.read_config(configs)
    network = parser.get_parsed_content("network_def").eval()
    network.load_state_dict(torch.load(trained.root / "models" / "model.pt", weights_only=True))
    if trained.declared.export == "trace":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", torch.jit.TracerWarning)  # checks of shapes in MONAI's layers
            traced = torch.jit.trace(network, tuple(inputs_of_network(trained.source, 16).values()), strict=False)
        torch.jit.save(traced, file)
    else:
        monai.bundle.ckpt_export(
            net_id="network_def",
            filepath=str(file),
            ckpt_file=str(trained.root / "models" / "model.pt"),
            meta_file=str(trained.source / "configs" / "metadata.json"),
            config_file=configs,
        )
    for side, batch in ((16, 1), (32, 2)):  # or multiples of these: other sizes and batches than the example
        examples = tuple(inputs_of_network(trained.source, side, batch).values())
        with torch.no_grad():
            torch.testing.assert_close(torch.jit.load(str(file))(*examples), network(*examples))
