"""What one caller, one address and all together may take of the API."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Of each process that serves the API; settings `limits`."""

    requests_per_s: float = 100
    """Of one key or person, over time; so many seconds' worth may come at once."""
    address_requests_per_s: float = 400
    """Of one address, behind which there may be a whole town hall."""
    burst_s: float = 20
    queries_at_once: int = 1
    """Large ones: they share one processor, so that more at once are no faster and take more memory."""
    query_rows: int = 3_000_000
    query_memory_mb: int = 80
    query_seconds: float = 40
    downloads: int = 16
    downloads_per_caller: int = 3
    streams: int = 500
    streams_per_caller: int = 16
    streams_per_address: int = 200
