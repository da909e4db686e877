"""Commands: their two states, their life, and the use-cases that issue and cancel them."""
