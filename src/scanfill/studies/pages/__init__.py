"""The pages of results: a module for each kind of study, under its name, with its ``LAYOUT``."""
