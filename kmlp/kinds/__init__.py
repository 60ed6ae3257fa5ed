"""The kinds of study of kmlp itself, as entry points of the group `kmlp.studies`."""
