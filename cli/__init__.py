"""The command line `lautern`: programs for people, thin over the use-cases here and over the API elsewhere."""

import runtime as _runtime  # noqa: F401 - before any library
