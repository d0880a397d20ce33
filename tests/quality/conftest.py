"""Before any test here: torchvision is imported in the way that works beside any PyTorch."""

import advlib.vision  # noqa: F401
