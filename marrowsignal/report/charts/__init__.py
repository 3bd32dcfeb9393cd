"""Measured values as charts, drawn as vectors."""
