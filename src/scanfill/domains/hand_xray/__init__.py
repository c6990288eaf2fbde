"""Radiographs of hands, with 29 bones that overlap."""
