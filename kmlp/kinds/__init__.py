"""The kinds of studies that kmlp brings, as plug-ins of the group `kmlp.studies`."""
