"""Tables of a cohort: what the tables of its cases say, in one place and of one form."""
