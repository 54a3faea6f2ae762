"""One file for each command; a file is imported when its command is run."""
