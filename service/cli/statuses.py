"""Exit statuses of the commands; 0 is fine."""

FAILED, USAGE, NO_INDEX, INTERRUPTED = 1, 2, 3, 130
