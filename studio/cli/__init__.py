"""The command line: `up` and the processes, and the JSON API from a terminal."""
