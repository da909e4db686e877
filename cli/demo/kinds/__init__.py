"""What each kind brings to `lautern demo`, found at start."""
