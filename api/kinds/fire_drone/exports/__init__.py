"""A flight's track in the formats people ask for: pure generators of text, one file per format."""
