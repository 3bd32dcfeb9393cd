"""Say what a series is by its physics, with evidence, and whether it can be used."""
