"""Images in and out: WebDataset tar shards, reading order, exact resume."""
