"""The Slack bot: questions asked in Slack, answered in the thread with their sources."""
