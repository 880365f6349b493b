"""Numbers of things, in words."""


def count(number: int, what: str) -> str:
    """A number of things, in the singular where it is one."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
