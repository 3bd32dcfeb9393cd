"""`make bench`: this pipeline and its peers on the same input in the same run; see docs/benchmarks.md."""
