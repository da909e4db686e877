"""Data protection: what is kept how long, who is named in it, what is never taken in."""
