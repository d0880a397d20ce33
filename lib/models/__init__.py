"""WideResNets: sizes, networks, checkpoints, FLOPs."""
