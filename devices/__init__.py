"""The domain: what a device is, says and accepts. Imports nothing else of ours."""
