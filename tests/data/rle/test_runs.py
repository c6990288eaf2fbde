"""Every fault of a run-length encoding is found and named."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.data.rle import run_faults
from scanfill.data.rle.runs import read_runs, write_runs

SIZE = 60


@st.composite
def sound_runs(draw: st.DrawFn) -> list[int]:
    """Entries of runs within 60 pixels."""
    bounds = sorted(draw(st.sets(st.integers(1, SIZE), min_size=4, max_size=12)))
    bounds = bounds[: len(bounds) // 2 * 2]
    return [number for start, end in zip(bounds[::2], bounds[1::2], strict=True) for number in (start, end - start)]


def found(entries: list[Any]) -> dict[str, list[int]]:
    """Kind of fault -> entries."""
    kinds: dict[str, list[int]] = {}
    for fault in run_faults(" ".join(map(str, entries)), SIZE):
        assert str(entries[fault.entry - 1]) == fault.value
        kinds.setdefault(fault.kind, []).append(fault.entry)
    return kinds


@settings(deadline=None, max_examples=60)
@given(sound_runs())
def test_sound_runs_have_no_fault(entries: list[int]) -> None:
    assert found(entries) == {}
    text = " ".join(map(str, entries))
    assert write_runs(read_runs(text, SIZE)) == text


@settings(deadline=None, max_examples=60)
@given(sound_runs(), st.data())
def test_a_fault_of_any_kind_is_found_at_its_place(entries: list[int], data: st.DataObject) -> None:
    run = data.draw(st.integers(0, len(entries) // 2 - 1))
    start, length = 2 * run, 2 * run + 1
    wrong = data.draw(st.sampled_from(["1.5", "x", "1e3", "--1", "0x1", "²", "1_0"]))
    assert found([*entries[:length], wrong, *entries[length + 1 :]]) == {"not a whole number": [length + 1]}
    assert found([*entries, 99]) == {"odd": [len(entries) + 1]}
    assert found([*entries[:length], 0, *entries[length + 1 :]])["length"] == [length + 1]
    assert found([data.draw(st.integers(-5, 0)), *entries[1:]])["start"] == [1]
    beyond = SIZE - entries[-2] + data.draw(st.integers(2, 10**25))
    assert found([*entries[:-1], beyond]) == {"beyond": [len(entries)]}
    assert found([*entries, SIZE + 1, 3]) == {"beyond": [len(entries) + 1]}
    inner = entries[start] + data.draw(st.integers(0, entries[length] - 1))
    assert found([*entries[: length + 1], inner, 1, *entries[length + 1 :]]) == {"overlapping": [length + 2]}


@settings(deadline=None, max_examples=60)
@given(st.permutations(range(5)))
def test_every_run_out_of_order_is_named(order: list[int]) -> None:
    entries = [number for place in order for number in (10 * place + 1, 3)]
    expected = [2 * place + 1 for place in range(1, 5) if order[place] < order[place - 1]]
    assert found(entries) == ({"unsorted": expected} if expected else {})


def test_a_long_run_overlaps_all_that_begin_in_it_even_unsorted() -> None:
    assert found([30, 2, 40, 1, 10, 50]) == {"unsorted": [5], "overlapping": [1, 3]}


def test_the_size_may_be_unknown() -> None:
    assert run_faults("1 1000000") == []
    assert read_runs("1 1000000").area == 1000000
