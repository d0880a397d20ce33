"""Scaling laws of adversarial robustness: forms, fitting, uncertainty, optima, trade-offs, limits.

The consumers of a fit (`document`, `surface`, `approach1` to `approach3`, `accuracy`, `limits`) use
the standard library alone; fitting needs NumPy and SciPy, which its modules import.
"""
