"""Studies: the runs that answer a question, and the conclusion from their results."""
