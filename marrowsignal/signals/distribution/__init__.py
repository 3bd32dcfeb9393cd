"""Left against right, extent, order of conversion, epiphyses (SCIENCE 3.2)."""
