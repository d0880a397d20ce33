"""Adversarial training: the recipe and its rules."""
