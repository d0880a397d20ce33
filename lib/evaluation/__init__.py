"""A network's scores on clean and attacked images."""
