"""The errors a user can cause and mend; each message names the offending value and the remedy."""


class UserError(ValueError):
    """Something outside the program is not as it must be: a folder, a file, a weight. Exit code 1."""


class UsageError(UserError):
    """What was asked for cannot be asked for: a scale, a recipe's name, a number. Exit code 2."""
