"""From sets of voxels to ratios and indices with intervals (SCIENCE 1.5, 3.1, 7)."""
