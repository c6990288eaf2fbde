"""The rule of a finding: which pathologies an image of a kind can show, and that a normal image has no finding."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from scanfill.errors import CaseError

NORMAL = "normal"
"""The pathology of an image without a finding, which has no severity, place or size."""


@dataclass(frozen=True)
class FindingRule:
    """Refuses conditions that exclude each other.

    Args:
        key: The condition that names the kind of an image, such as ``modality``.
        shown: Kind -> the pathologies that it can show.
        of_finding: Conditions of a finding, which an image without one does not have.
    """

    key: str
    shown: Mapping[str, Collection[str]]
    of_finding: Collection[str]

    def __call__(self, case: Mapping[str, Any], where: str) -> None:
        """Check the conditions of a case.

        Args:
            case: With any of the conditions.
            where: Starts the message.

        Raises:
            CaseError: The kind does not show the pathology, or a normal image has a property of a finding.
        """
        kind, pathology = case.get(self.key), case.get("pathology")
        if pathology is not None and kind is not None and pathology not in self.shown[kind]:
            shown = ", ".join(self.shown[kind])
            others = ", ".join(name for name, known in self.shown.items() if pathology in known)
            msg = f"{where}: {kind} does not show {pathology}, but {shown}; {pathology} is shown by {others}."
            raise CaseError(msg)
        given = [name for name in self.of_finding if case.get(name) is not None]
        if pathology == NORMAL and given:
            msg = (
                f"{where}: a normal image has no finding, but {', '.join(f'{name}={case[name]}' for name in given)} is "
                f"given. Leave it empty, or name a pathology."
            )
            raise CaseError(msg)
