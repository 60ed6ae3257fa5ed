"""Studies: the runs that a question needs, and the conclusion that their results allow."""
