"""The course of events across articles: what happened when, one entry an event, each in an article's own words."""

from service.timeline.story import Entry, Timeline, trace

__all__ = ["Entry", "Timeline", "trace"]
