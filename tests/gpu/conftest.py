"""What needs a GPU is not collected where there is none: `make gpu` says so."""

import torch

collect_ignore_glob = [] if torch.cuda.is_available() else ["test_*.py"]
