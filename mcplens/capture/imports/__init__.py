"""Logs and traces that already exist, made into the events that a recorder would have written.

In come files; out go rows of a run whose observer is `import`. One module reads one format, and
only says what its file says: what a log cannot know is NULL, or the outcome `unknown`. Nothing here
starts a process or speaks to a server.
"""
