"""Many windows of one plan: a calendar's steps, and which files each of them needs."""
