"""What a killed or a many-rank job needs, whatever it computes."""
