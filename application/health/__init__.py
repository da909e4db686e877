"""From what the parts say of themselves to one sentence that names the cause and the remedy."""
