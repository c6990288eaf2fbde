"""Config ids that version 0.2 renamed, so that error messages can give the new name."""

RENAMED_IDS = {
    "learned": "spatial_keys",
    "input_keys": "intensity_keys",
    "interpolation": "spatial_modes",
    "dropout": "modality_dropout",
    "players": "trainable_networks",
    "adversary": "trainable_discriminator",
    "tell": "append_availability",
    "told": "availability_channels",
}
"""Id before version 0.2 -> id since then."""
