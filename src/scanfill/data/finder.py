"""What turns a folder into cases, and what it found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scanfill.data.patients import describe_patients

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scanfill.data.schema import CaseSchema

Case = dict[str, Any]


@dataclass
class Cohort:
    """The cases of a folder, and what a person should know about how they were read."""

    cases: list[Case]
    notes: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """Say how many cases, what their labels mean and why, and which patient each belongs to."""
        return "\n".join([*self.notes, describe_patients({case["case_id"]: case["patient"] for case in self.cases})])


@dataclass(frozen=True)
class Request:
    """What is wanted of a finder; see :py:func:`scanfill.data.find_cases` for each.

    Attributes:
        images: Keys of the images that each case must have; None for whatever is there.
        labels: ``auto``, a convention, or ``none`` where labels are left aside.
        patient_regex: Which part of a case's name is the patient.
        check: Whether voxels may be read to see that cases are what they seem.
        strict: Whether an incomplete case is an error at once, or has the reason under ``problem``.
        synthetic: Whether synthetic files may take the place of an acquired one that is not there.
        incomplete: Whether a case may lack some of ``images``, but not all.
    """

    images: list[str] | None = None
    labels: str = "auto"
    patient_regex: str | None = None
    check: bool = True
    strict: bool = True
    synthetic: bool = False
    incomplete: bool = False

    @property
    def with_label(self) -> bool:
        """Whether labels count."""
        return self.labels != "none"


class Finder(ABC):
    """Turns a folder into cases: dictionaries with ``case_id``, ``patient``, absolute paths, and conditions."""

    @property
    @abstractmethod
    def provides(self) -> list[str] | None:
        """Keys that it can give a case; None where any key may come."""

    @abstractmethod
    def find(self, folder: Path, schema: CaseSchema, request: Request) -> Cohort:
        """Find every case below a folder.

        Raises:
            CaseError: There is none; two of one name; and, where the request is strict, one is incomplete.
        """

    def interpret(self, cases: Sequence[Case], schema: CaseSchema, labels: str) -> None:
        """Fill in what a list by hand may leave out about the labels of its cases; by default nothing."""
        del cases, schema, labels
