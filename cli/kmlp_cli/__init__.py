"""The command line of kmlp: reads options, calls the library, and shows the results."""
