"""Generators of images: diffusion models of EDM's kind, their solvers, checkpoints and training."""
