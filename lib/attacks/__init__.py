"""PGD in all its uses."""
