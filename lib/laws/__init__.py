"""What follows from a fitted scaling law: optima, predictions, trade-offs, limits, with intervals.

A law is one file here and one of the same name in `fitting`, and a line in `forms`.  Everything
here uses the standard library alone; only answers for many draws and many queries load NumPy.
"""
