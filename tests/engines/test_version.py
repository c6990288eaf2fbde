"""One process holds one scanfill."""

from __future__ import annotations

import pytest

import scanfill
from scanfill.engines.version import check_version
from scanfill.errors import UsageError


@pytest.mark.parametrize("metadata", [{}, {"version": "9.9.9"}, {"scanfill": {}}])
def test_a_source_without_a_stamp_passes_and_one_with_another_is_refused(metadata: dict[str, object]) -> None:
    check_version(metadata)
    with pytest.raises(UsageError, match=r"9\.9\.9"):
        check_version({**metadata, "scanfill": {"version": "9.9.9"}})


@pytest.mark.parametrize("stamped", ["1.2.0", "1.2.9", "1.2", "1.2.3rc1"])
def test_the_same_major_and_minor_version_passes(monkeypatch: pytest.MonkeyPatch, stamped: str) -> None:
    monkeypatch.setattr(scanfill, "__version__", "1.2.3")
    check_version({"scanfill": {"version": stamped}})
    monkeypatch.setattr(scanfill, "__version__", "1.3.0")
    with pytest.raises(UsageError, match="packed with"):
        check_version({"scanfill": {"version": stamped}})


@pytest.mark.parametrize("stamped", ["1.3.3", "2.2.3", "1.20.3"])
def test_another_major_or_minor_version_is_refused_with_both_named(
    monkeypatch: pytest.MonkeyPatch, stamped: str
) -> None:
    monkeypatch.setattr(scanfill, "__version__", "1.2.3")
    with pytest.raises(UsageError, match=rf"scanfill {stamped}.*scanfill 1\.2\.3"):
        check_version({"scanfill": {"version": stamped}})
