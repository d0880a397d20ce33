"""Attacks on classifiers: PGD, AutoAttack and its parts, as jobs on sets or on arrays at hand."""
