"""Sonopost, the post office for ultrasound."""

__version__ = "0.1.0"
