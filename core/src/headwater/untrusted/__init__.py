"""What others wrote: limits on it, and how numbers and documents are read from it."""
