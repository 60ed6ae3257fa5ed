"""Charts: each is defined once, and shown as a page or a picture."""
