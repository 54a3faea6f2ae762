"""Many windows of one stretch of time: a calendar's steps, and the actuals that belong to each."""
