"""Names and order of the 29 bones, as in the field's data: label 1 is the first bone, the first channel."""

BONES = (
    *(f"finger-{number}" for number in range(1, 20)),
    *("Trapezium", "Trapezoid", "Capitate", "Hamate", "Scaphoid", "Lunate", "Triquetrum", "Pisiform"),
    *("Radius", "Ulna"),
)
"""Finger-1 to 3 are the thumb's distal phalanx, proximal phalanx and metacarpal; finger-4 to 7 the index finger's
distal, middle and proximal phalanx and metacarpal; 8 to 11, 12 to 15 and 16 to 19 those of the other fingers in order.
"""

LABELS = dict(enumerate(BONES, start=1))
"""Label -> bone."""

CARPALS = BONES[19:27]
"""The eight bones of the wrist."""
