"""The command line: a literal table of commands, each imported only when chosen."""
