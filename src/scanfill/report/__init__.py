"""Pictures and pages: previews of predictions, self-contained HTML reports."""

from scanfill.report.page import RESEARCH_ONLY, Figure, Page, Section, Table
from scanfill.report.preview import SavePreviewd, draw_preview
from scanfill.report.synthesis import SaveSynthesisPreviewd, draw_synthesis

__all__ = [
    "RESEARCH_ONLY",
    "Figure",
    "Page",
    "SavePreviewd",
    "SaveSynthesisPreviewd",
    "Section",
    "Table",
    "draw_preview",
    "draw_synthesis",
]
