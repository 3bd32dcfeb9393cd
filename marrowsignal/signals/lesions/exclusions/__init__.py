"""What stands out on STIR inside a marrow mask and is no lesion: one rule a module, with the number that decided."""
