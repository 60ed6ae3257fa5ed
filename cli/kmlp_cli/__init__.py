"""kmlp's command line: it parses, calls the library, and shows what came of it."""
