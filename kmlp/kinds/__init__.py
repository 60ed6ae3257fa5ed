"""The kinds of study that come with kmlp, as plug-ins of the group `kmlp.studies`."""
