"""Many studies: find them, analyze each in a process of its own, remember what became of it, sum them up."""
