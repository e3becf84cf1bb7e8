"""The tests, arranged as the source is. A package so that `tests.tolerances` can be imported from anywhere below."""
