"""The tables of studies, as data."""
