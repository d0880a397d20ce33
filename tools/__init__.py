"""One module per command: its options, one call into advlib, its output."""
