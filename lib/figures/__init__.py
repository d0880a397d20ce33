"""Figures of the study, a module per kind."""
