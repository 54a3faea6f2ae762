"""Reading: a plan is run, its rows are converted, counted and written."""
