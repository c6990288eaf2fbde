"""Imports point one way: building blocks <- data <- report <- missing, domains <- studies, sharing <- the command line.

Every import statement counts: relative ones, those inside functions, and those for type checkers only.
"""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from conftest import REPO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ROOT = REPO / "src"
LIGHT = {"errors", "files", "replacing", "checksums", "presets", "option_values", "cli_args"}
"""Modules that are outside all layers and import none of them."""
BLOCKS = {"networks", "losses", "transforms", "metrics", "inferers", "engines", "optimizers"}
LAYERS = {
    **dict.fromkeys(LIGHT, LIGHT),
    **dict.fromkeys(BLOCKS, BLOCKS),
    "data": BLOCKS | {"data"},
    "anatomy": {"anatomy"},
    "report": BLOCKS | {"data", "report"},
    "missing": BLOCKS | {"data", "report", "missing"},
    "generation": BLOCKS | {"data", "report", "generation"},
    "inpainting": BLOCKS | {"data", "report", "inpainting"},
    "label_to_image": BLOCKS | {"data", "report", "generation", "inpainting", "label_to_image"},
    "domains": BLOCKS | {"anatomy", "data", "report", "missing", "domains"},
    "studies": BLOCKS | {"data", "report", "missing", "domains", "studies"},
    "sharing": BLOCKS | {"data", "report", "missing", "sharing"},
    "rle_verbs": BLOCKS | {"data", "report"},
    "__main__": BLOCKS | {"data", "report", "missing", "domains", "studies", "sharing", "rle_verbs"},
}
"""Layer -> those that it may import from, beside the light modules and ``scanfill`` itself, which has the version."""
KIND_OF_STUDY = re.compile(r"scanfill\.studies\.kinds\.\w+")
"""A module that belongs to one kind of study; the others are the engine, shared by all."""
WELDS = {"t1", "t1ce", "t2", "flair", "segmenter", "segmenters", "missing"}
"""Words of a single kind of study; in a sentence, ``missing`` is an ordinary one."""
SEQUENCES = re.compile(r"(?<![a-z])(t1ce|flair)(?![a-z])", re.IGNORECASE)


@cache
def modules(root: Path) -> dict[str, Path]:
    """Every module below a folder by its dotted name."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(root: Path, name: str) -> set[str]:
    """Modules of ours that a module imports; a name from a package is the package, unless it is a module of it."""
    known, path = modules(root), modules(root)[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            inner = {f"{base}.{alias.name}" for alias in node.names}
            found |= (inner & set(known)) | ({base} if inner - set(known) else set())
    return (found & set(known)) - {name}


@cache
def graph(root: Path) -> dict[str, set[str]]:
    return {name: imports(root, name) for name in modules(root)}


def layer_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def wrong_arrows(arrows: Mapping[str, set[str]]) -> Iterator[str]:
    """Forbidden imports, each as ``module -> module``."""
    for module, targets in arrows.items():
        own = layer_of(module)
        for target in sorted(targets):
            layer = layer_of(target)
            allowed = not own or not layer or layer in LAYERS[own] | LIGHT
            if own == layer == "domains" and module.count(".") > 1:
                allowed = module.split(".")[:3] == target.split(".")[:3]
            if module.startswith("scanfill.sharing.check"):
                allowed = target.startswith("scanfill.sharing.check") or target in ("scanfill", "scanfill.errors")
            if own == "studies" and not KIND_OF_STUDY.match(module):
                domain = layer == "domains" and target != "scanfill.domains"
                allowed = allowed and not domain and not KIND_OF_STUDY.match(target)
            if not own:  # the package itself: its version, and where bundles lie
                allowed = False
            if not allowed:
                yield f"{module} -> {target}"


def circles(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import one another, directly or by way of others (Tarjan's components of two or more)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        stack.append(module)
        for target in sorted(arrows[module]):
            if target not in order:
                visit(target)
                lowest[module] = min(lowest[module], lowest[target])
            elif target in stack:
                lowest[module] = min(lowest[module], order[target])
        if lowest[module] == order[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in arrows:
        if module not in order:
            visit(module)
    return found


def test_every_layer_has_its_place_in_the_law() -> None:
    assert {layer_of(module) for module in modules(ROOT)} - {""} == set(LAYERS)


def test_imports_point_one_way() -> None:
    assert list(wrong_arrows(graph(ROOT))) == []


def test_no_two_modules_import_each_other() -> None:
    assert circles(graph(ROOT)) == []


def test_building_blocks_name_no_sequence() -> None:
    named = [
        f"{module}: {found[0]}"
        for module, path in modules(ROOT).items()
        if layer_of(module) in BLOCKS
        for found in [SEQUENCES.search(path.read_text(encoding="utf-8"))]
        if found
    ]
    assert named == []


def test_the_study_engine_names_no_sequence_no_segmenter_and_nothing_missing() -> None:
    named = [
        f"{module}: {word}"
        for module, path in modules(ROOT).items()
        if layer_of(module) == "studies" and not KIND_OF_STUDY.match(module)
        for word in sorted(names_in(path) & WELDS)
    ]
    assert named == []


def names_in(path: Path) -> set[str]:
    """Words of the names in a module, and of its texts that are no sentences."""
    words: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        named = [getattr(node, field, None) for field in ("id", "attr", "arg", "name")]
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            named.append(node.value)
        for name in filter(None, named):
            words |= set(re.split(r"[^a-z0-9]+", str(name).lower()))
    return words


@pytest.mark.parametrize(
    ("module", "text", "wrong"),
    [
        ("networks.a", "from scanfill.data import b", "scanfill.networks.a -> scanfill.data.b"),
        ("networks.a", "def f():\n    import scanfill.data.b", "scanfill.networks.a -> scanfill.data.b"),
        ("data.b", "if TYPE_CHECKING:\n    from ..report import c", "scanfill.data.b -> scanfill.report.c"),
        ("data.b", "from scanfill.report import something", "scanfill.data.b -> scanfill.report"),
        ("studies.h", "from scanfill.domains.x import d", "scanfill.studies.h -> scanfill.domains.x.d"),
        ("studies.h", "from scanfill.studies.kinds.k import p", "scanfill.studies.h -> scanfill.studies.kinds.k.p"),
        ("domains.x.d", "from scanfill.domains.y import d", "scanfill.domains.x.d -> scanfill.domains.y.d"),
        ("sharing.check.e", "from scanfill.files import writing", "scanfill.sharing.check.e -> scanfill.files"),
        ("report.c", "from scanfill import __main__", "scanfill.report.c -> scanfill.__main__"),
    ],
)
def test_a_wrong_arrow_is_found_wherever_it_stands(module: str, text: str, wrong: str, tmp_path: Path) -> None:
    tree = write_tree(tmp_path, {module: text})
    assert list(wrong_arrows(graph(tree))) == [wrong]


def test_right_arrows_and_siblings_are_left_alone(tmp_path: Path) -> None:
    tree = write_tree(
        tmp_path,
        {
            "data.b": "from scanfill import __version__\nfrom . import f\nfrom scanfill.networks.a import x",
            "report.c": "import numpy\nfrom scanfill.errors import UsageError\nfrom .. import data",
            "domains.x.d": "from scanfill.domains.x import g\nfrom scanfill.report.c import x",
            "studies.h": "from scanfill.domains import find_phantoms",
            "studies.kinds.k.p": "from scanfill.domains.x import d\nfrom scanfill.studies import h",
            "sharing.check.e": "from scanfill import bundle_path\nfrom scanfill.errors import UsageError",
        },
    )
    assert list(wrong_arrows(graph(tree))) == []
    assert graph(tree)["scanfill.data.b"] == {"scanfill", "scanfill.data.f", "scanfill.networks.a"}
    assert circles(graph(tree)) == []


def test_a_circle_of_three_is_found(tmp_path: Path) -> None:
    texts = {
        "data.b": "from . import f",
        "data.f": "def g():\n    from scanfill.report import c",
        "report.c": "import scanfill.data.b",
    }
    tree = write_tree(tmp_path, texts)
    assert circles(graph(tree)) == [["scanfill.data.b", "scanfill.data.f", "scanfill.report.c"]]


def write_tree(folder: Path, texts: Mapping[str, str]) -> Path:
    """Write a small package of modules that are empty except for those given."""
    names = (
        "networks.a",
        "data.b",
        "data.f",
        "report.c",
        "domains.x.d",
        "domains.x.g",
        "domains.y.d",
        "studies.h",
        "studies.kinds.k.p",
        "sharing.check.e",
    )
    for name in (*names, "errors", "files", "__main__"):
        path = folder.joinpath("scanfill", *name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts.get(name, ""))
    for parent in {path.parent for path in folder.rglob("*.py")} | {folder / "scanfill" / "domains"}:
        (parent / "__init__.py").touch()
    for package in ("sharing", "studies/kinds"):
        (folder / "scanfill" / package / "__init__.py").touch()
    return folder


@pytest.mark.parametrize(
    "package", [name for name in sorted(modules(ROOT)) if modules(ROOT)[name].name == "__init__.py"]
)
def test_no_module_has_the_name_of_something_that_its_package_offers(package: str) -> None:
    """From Python 3.12 on, MONAI would find the module where a config names the function."""
    offered = getattr(importlib.import_module(package), "__all__", ())
    inner = {name.rpartition(".")[2] for name in modules(ROOT) if name.rpartition(".")[0] == package}
    assert not inner & set(offered)
