"""The terminal of the process: streams, signals, questions and printing."""
