"""Check configs: read, merge, apply every rule, and drop findings that a comment ignores."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from scanfill.errors import UsageError

from .config import Config
from .config_sets import open_source
from .finding import Finding
from .ignore import Ignored, Silence, check_names
from .pipeline import Pipeline
from .rules import RULES

NAMES = tuple(rule.name for rule in RULES)


class Checked(NamedTuple):
    """Result of a check.

    Attributes:
        findings: Findings by file and line, without duplicates.
        checked: The sets of files that were checked.
        idle: Ignore comments without effect: file, line and rule.
    """

    findings: list[Finding]
    checked: list[str]
    idle: list[Silence]


def check(
    paths: Sequence[str], ignore: Sequence[str] = (), is_synthetic: Callable[[Path], bool] | None = None
) -> Checked:
    """Find faults in a bundle, or in configs merged as MONAI merges them, without running anything.

    Args:
        paths: A bundle (name, folder or zip file), optionally followed by overlays; or the configs to merge.
        ignore: Rules to skip.
        is_synthetic: Returns whether an image of a case list is synthetic, such as
            ``scanfill.data.provenance.is_synthetic``, which reads files; by default, only file names are considered.

    Raises:
        UsageError: A path does not exist or cannot be read, or a rule to ignore does not exist.
    """
    if not paths:
        msg = "There is nothing to check: pass a config, a bundle or its zip file."
        raise UsageError(msg)
    check_names(ignore, NAMES, "--ignore")
    found: dict[tuple[str, int, str, str, str], Finding] = {}
    checked, stated, used = [], set[Silence](), set[Silence]()
    with open_source(paths) as source:
        for config in source.configs():
            checked.append(_name(config))
            ignored = Ignored([*config.documents, *config.included], NAMES)
            for finding in _look(Pipeline(config, is_synthetic), ignored, ignore):
                found.setdefault((finding.file, finding.line, finding.rule, finding.id, finding.what), finding)
            # an overlay may have replaced entries below it, together with their comments
            own = {document.file for document in (config.documents[-1], *config.included)}
            stated |= {silence for silence in ignored.stated if silence[0] in own and silence[2] not in ignore}
            used |= ignored.used
    findings = sorted(found.values(), key=lambda finding: (finding.file, finding.line))
    return Checked(findings, checked, sorted(stated - used))


def _look(pipeline: Pipeline, ignored: Ignored, ignore: Sequence[str]) -> Iterator[Finding]:
    """Yield the findings in one merged config, except for ignored ones."""
    config = pipeline.config
    for rule in RULES:
        for fault in rule.look(pipeline) if rule.name not in ignore else ():
            node, place = fault.node, config.name_of(fault.node)
            if not any(ignored.covers(where, rule.name) for where in (node, fault.used) if where):
                told = (fault.what, fault.why, fault.fix)
                yield Finding(node.file, node.line, rule.name, place, *told, config=_name(config))


def _name(config: Config) -> str:
    return " + ".join(document.file for document in config.documents)
