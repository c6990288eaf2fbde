"""Images in two dimensions that are generated from conditions: modality, pathology, severity, place, size, age, sex."""

from scanfill.domains.images_2d.conditions import MODALITIES, PATHOLOGIES, ZONES

__all__ = ["MODALITIES", "PATHOLOGIES", "ZONES"]
