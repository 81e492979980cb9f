"""``make bench``: start-up, planning at scale and the training set, as ratios and against the budgets."""
