"""The pages of results: a module ``<name>_page`` for each kind of study, with its ``LAYOUT``."""
