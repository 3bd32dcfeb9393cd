"""Shape of lesions and dark foci: margin, texture, lines, rims, shells, depth (SCIENCE D27-D29, D32-D43)."""
