"""Commands and configurations on their way out, and the answers of devices on their way in."""
