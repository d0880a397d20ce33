"""Studies: which runs, what they cost, how a machine or a cluster does them, how far they are."""
