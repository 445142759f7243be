"""Can the numbers be believed: accuracy, agreement, correction, controls."""
