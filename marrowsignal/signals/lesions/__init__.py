"""Where STIR stands out from own normal marrow, what is no lesion there, and what each lesion is like (SCIENCE 3.3)."""
