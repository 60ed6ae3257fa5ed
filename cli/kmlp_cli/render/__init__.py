"""Everything that reaches a terminal or a pipe: tables, progress, messages."""
