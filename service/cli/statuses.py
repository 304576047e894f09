"""Exit statuses of the commands; 0 is success."""

FAILED, USAGE, NO_INDEX, INTERRUPTED = 1, 2, 3, 130
