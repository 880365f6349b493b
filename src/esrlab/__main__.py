"""`python -m esrlab` is the `esrlab` command."""

from esrlab.cli.main import main

main()
