"""The runs table: its columns, reading and checking it, selecting rows, the paper's own runs."""
