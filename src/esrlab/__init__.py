"""esrlab: a loss-function laboratory for image super-resolution."""

__version__ = "0.1.0"
