"""Find the T1 and the STIR that belong together, by stated criteria."""
