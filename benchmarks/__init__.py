"""Measurements beside peers. `python -m benchmarks NAME` runs one; without a name, all run."""
