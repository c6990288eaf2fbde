"""Bodies in millimeters, from which the phantoms of several domains are made: shapes, organs, HU and MRI signals."""
