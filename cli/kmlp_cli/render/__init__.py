"""Results and progress, as Rich shows them."""
