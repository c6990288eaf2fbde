"""Phantoms of any kind of data: how the command line offers them, and how files are identified as phantoms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanfill.data.image import header_text
from scanfill.data.schema import CaseSchema
from scanfill.errors import UsageError

PHANTOM_NOTE = "phantoms: checks the software, says nothing about patients"


@dataclass(frozen=True)
class Phantoms:
    """The phantoms of one domain, exported as ``PHANTOMS`` by the package ``phantoms`` in its folder.

    Attributes:
        name: Name on the command line.
        about: One-line description.
        write: Writes a cohort: ``write(folder, cases=..., size=..., seed=..., **options)``, one folder per case.
        options: Additional options of this kind only -> what each does.
    """

    name: str
    about: str
    write: Callable[..., Sequence[Path]]
    options: Mapping[str, str] = field(default_factory=dict)

    def check_options(self, asked: Mapping[str, Any]) -> None:
        """Refuse options that this kind does not have.

        Raises:
            UsageError: With the option, and the valid ones.
        """
        if unknown := [name for name in asked if name not in self.options]:
            known = "; ".join(f"--{name}: {what}" for name, what in self.options.items()) or "none"
            msg = (
                f"{self.name} phantoms have no option --{unknown[0]} (={asked[unknown[0]]!r}). Besides --cases, --size "
                f"and --seed they have {known}."
            )
            raise UsageError(msg)


def phantom_text(paths: Sequence[str]) -> str:
    """Read the header description of the first phantom among some files; empty if there is none."""
    return next((text for text in map(header_text, paths) if "phantom" in text), "")


def phantom_note(cases: Sequence[Mapping[str, Any]], schema: CaseSchema) -> str:
    """Return a caveat about figures on these cases if any is a phantom, otherwise an empty string."""
    images = [case[key] for case in cases for key in schema.image_keys if key in case]
    return PHANTOM_NOTE if phantom_text(images) else ""
