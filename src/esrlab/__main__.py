"""`python -m esrlab` is the `esrlab` command."""

from esrlab.cli import main

main()
