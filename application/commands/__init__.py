"""Commands and desired configurations filed as requests, which the gateway's dispatcher carries out."""
