"""Label maturity: how long labels take, and how many of a window's should be known by now."""
