"""Kidneys and their tumors in CT, as volumes or as exported slices."""

from scanfill.domains.kidney_ct.body import BodyOutlined
from scanfill.domains.kidney_ct.intensities import CheckCTd, WindowCTd

__all__ = ["BodyOutlined", "CheckCTd", "WindowCTd"]
