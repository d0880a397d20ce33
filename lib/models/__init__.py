"""Classifiers: architectures, networks, checkpoints, Python code, FLOPs."""
