"""From a runs table to a scaling law: selection, objective, minimiser, bootstrap, comparison."""
