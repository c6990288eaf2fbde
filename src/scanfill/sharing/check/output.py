"""Format findings as text and as JSON."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

from .finding import Finding
from .ignore import Silence

WIDTH = 110


def as_text(findings: Sequence[Finding], checked: Sequence[str], idle: Sequence[Silence] = ()) -> str:
    """Format findings as text, with file and line in a form that editors and terminals can jump to."""
    blocks = []
    for finding in findings:
        parts = (f"{finding.what} {finding.why}", f"Fix: {finding.fix}")
        told = (textwrap.fill(part, WIDTH, initial_indent="    ", subsequent_indent="    ") for part in parts)
        merged = f"  ({finding.config})" if " + " in finding.config else ""
        blocks.append("\n".join((f"{finding.file}:{finding.line}: {finding.rule}{merged}", *told)))
    count = {rule: len(list(found)) for rule, found in groupby(sorted(finding.rule for finding in findings))}
    total = ", ".join(f"{number} {rule}" for rule, number in count.items()) or "nothing found"
    for file, line, rule in idle:
        blocks.append(f"{file}:{line}: `ignore[{rule}]` has no effect here; remove it unless it is needed elsewhere.")
    return "\n\n".join([*blocks, f"Checked {_number(len(checked), 'config')}: {total}."])


def as_json(findings: Sequence[Finding], checked: Sequence[str], idle: Sequence[Silence] = ()) -> str:
    """Format findings as one JSON object: ``checked``, the merged files, ``findings``, and ``idle`` comments."""
    comments = [{"file": file, "line": line, "rule": rule} for file, line, rule in idle]
    told = [asdict(finding) for finding in findings]
    return json.dumps({"checked": list(checked), "findings": told, "idle": comments}, indent=1)


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
