"""firki: live Indian-market data on your own machine. Importing it does nothing else."""

__version__ = "0.1.0"
