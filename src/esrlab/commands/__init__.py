"""One module a command: its options, its call, its words. The docstring's examples are its --help."""
