"""Page, Section, Table, Figure."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from matplotlib.figure import Figure as MatplotlibFigure

from scanfill.report import RESEARCH_ONLY, Figure, Page, Section, Table

if TYPE_CHECKING:
    from pathlib import Path


def drawing() -> MatplotlibFigure:
    figure = MatplotlibFigure(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    return figure


class Outline(HTMLParser):
    """Collect tags in order, check that each is closed, and collect the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  the parser's name
        self.tags.append(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def full_page() -> Page:
    table = Table(["case", "dice"], [["a", 0.5], ["b", float("nan")]], caption="Dice")
    section = Section("Results", text="First.\n\nSecond.", tables=[table], figures=[Figure(drawing(), "A line")])
    return Page("A study", [section, Section("Limits")], note="phantoms: checks the software")


def test_parts_stand_in_order(tmp_path: Path) -> None:
    path = full_page().write(tmp_path / "new" / "report.html")
    outline = Outline(path.read_text(encoding="utf-8"))
    wanted = ("h1", "h2", "p", "table", "figure", "footer")
    expected = ["h1", "p", "h2", "p", "p", "table", "figure", "h2", "footer"]
    assert [tag for tag in outline.tags if tag in wanted] == expected


def test_every_page_says_what_it_is_not_for() -> None:
    assert RESEARCH_ONLY in Outline(full_page().html()).texts


def test_nothing_is_loaded_from_elsewhere() -> None:
    html = full_page().html()
    sources = re.findall(r'(?:src|href)="([^"]{0,22})', html)
    assert sources == ["data:image/png;base64,"]
    assert "http" not in html
    assert "@import" not in html


def test_text_is_escaped_everywhere() -> None:
    evil = '<script>"&'
    table = Table([evil], [[evil]], caption=evil)
    page = Page(evil, [Section(evil, evil, [table], [Figure(drawing(), evil)])], note=evil)
    outline = Outline(page.html())
    assert "script" not in outline.tags
    assert outline.texts.count(evil) == 9


def test_numbers_are_rounded_and_gaps_are_dashes() -> None:
    texts = Outline(Table(["x"], [[0.12345], [float("nan")], [None], [7], ["0.5"]], digits=2).html()).texts
    assert texts == ["x", "0.12", "–", "–", "7", "0.5"]  # noqa: RUF001  a dash, as shown


def test_columns_of_numbers_are_aligned() -> None:
    html = Table(["case", "dice"], [["a", 0.5], ["b", None]]).html()
    assert html.count('<td class="number">') == 2
    assert '<th>case</th><th class="number">dice</th>' in html


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"row \['a', 1\] must have one value for each of the columns \['case'\]"):
        Table(["case"], [["a", 1]])


def test_a_file_is_copied_into_the_page(tmp_path: Path) -> None:
    drawing().savefig(tmp_path / "a.png")
    html = Figure(tmp_path / "a.png").html()
    (tmp_path / "a.png").unlink()
    assert "data:image/png;base64,iVBORw0KGgo" in html


def test_a_file_that_is_no_png_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"GIF89a--")
    with pytest.raises(ValueError, match=r"a\.png is neither a PNG nor an SVG file: it starts with b'GIF89a--'"):
        Figure(tmp_path / "a.png").html()


def test_a_page_that_cannot_be_made_leaves_the_old_one(tmp_path: Path) -> None:
    path = Page("old", []).write(tmp_path / "report.html")
    with pytest.raises(FileNotFoundError):
        Page("new", [Section("x", figures=[Figure(tmp_path / "absent.png")])]).write(path)
    assert "old" in path.read_text()
    assert list(tmp_path.iterdir()) == [path]
