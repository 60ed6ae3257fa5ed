"""The process' terminal: its streams, signals and questions, and printing to it."""
