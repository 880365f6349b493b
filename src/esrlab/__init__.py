"""esrlab: a loss-function laboratory for image super-resolution."""

from esrlab.core.version import __version__

__all__ = ["__version__"]
