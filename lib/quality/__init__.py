"""How good a set of generated images is: features, and distances between sets in them."""
