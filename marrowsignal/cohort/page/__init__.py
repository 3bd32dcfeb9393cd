"""The page of a cohort: every study, what they have in common, and which to look at."""

from marrowsignal.cohort.page.page import render_cohort_page, write_cohort_page

__all__ = ["render_cohort_page", "write_cohort_page"]
