"""side_section."""

from __future__ import annotations

from explored_sets import hand_record, hand_set
from scanfill.report.exploration.side_section import find_mirrored, side_section

ORDER = {"finger-1": 0.1, "finger-7": 0.3, "Hamate": 0.6, "finger-19": 0.8}
AREAS = dict.fromkeys(ORDER, 50)


def hands(side: str, number: int, first: int, mirrored: tuple[int, ...] = ()) -> list[object]:
    places = {name: place if side == "left" else 1 - place for name, place in ORDER.items()}
    return [
        hand_record(
            first + index,
            AREAS,
            patient=f"p{index}",
            conditions={"side": side},
            places={name: 1 - place if index in mirrored else place for name, place in places.items()},
        )
        for index in range(number)
    ]


def test_hands_of_each_side_and_persons_with_both_are_counted() -> None:
    section = side_section(hand_set([*hands("left", 6, 0), *hands("right", 5, 50), hand_record(99, AREAS)]))[0]  # type: ignore[list-item]
    assert "6 images are of a left side, 5 of a right one, 1 state no side; 5 persons have both" in section.html()


def test_a_mirrored_hand_is_named() -> None:
    assert find_mirrored(hands("left", 8, 0, mirrored=(3,))) == ["c003"]  # type: ignore[arg-type]
    assert find_mirrored(hands("right", 8, 0)) == []  # type: ignore[arg-type]


def test_where_classes_lie_is_counted_if_no_side_is_stated() -> None:
    shares = (0.9, 0.8, 0.6, 0.1)
    section = side_section(hand_set([hand_record(n, AREAS, left={"Hamate": share}) for n, share in enumerate(shares)]))
    (table,) = section[0].tables  # type: ignore[attr-defined]
    assert table.rows == [["Hamate", 4, 2, 1, 1, "60%"]]
