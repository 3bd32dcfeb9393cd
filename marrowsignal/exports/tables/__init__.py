"""Tables for statistics, and the dictionary of their columns."""
