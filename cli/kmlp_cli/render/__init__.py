"""Results and progress, drawn with Rich."""
