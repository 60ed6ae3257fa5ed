"""The commands, one file each: read the options, call the library, show the results."""
