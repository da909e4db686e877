"""What one caller, one address and all together may take of the API."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """Of one process that serves the API; see settings `limits`."""

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

    def of_each(self, processes: int) -> "ApiLimits":
        """What each of so many processes may give, so that all together give no more; at least one of everything.

        Rows, memory and seconds are of one question and stay; a large question at a time is the least of a process.
        """
        if processes == 1:
            return self
        return replace(
            self,
            requests_per_s=self.requests_per_s / processes,
            address_requests_per_s=self.address_requests_per_s / processes,
            queries_at_once=max(1, self.queries_at_once // processes),
            downloads=max(1, self.downloads // processes),
            downloads_per_caller=max(1, self.downloads_per_caller // processes),
            streams=max(1, self.streams // processes),
            streams_per_caller=max(1, self.streams_per_caller // processes),
            streams_per_address=max(1, self.streams_per_address // processes),
        )
