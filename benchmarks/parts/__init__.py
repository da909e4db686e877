"""What the benchmarks share: load, processes and their cost, the gateway under test."""
