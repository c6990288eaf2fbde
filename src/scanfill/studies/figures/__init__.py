"""Figures of a study, each drawn by Matplotlib and written as SVG."""
