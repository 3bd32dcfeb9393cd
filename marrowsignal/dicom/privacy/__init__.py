"""What may leave a study, what is taken out of texts, and how cases are named."""
