"""From the wire to events.

In come JSON-RPC messages as bytes or dicts, from an observer that stands on a connection; out go
rows of the raw tables, through a recorder, into the spool of a store. Capture never knows what a
number means, never imports a view or an SDK's classes, and never changes or delays what it sees.
"""
