"""Events that come by POST: from their JSON to lines in the spool, each counted once.

In come bodies of single events, arrays or JSON lines; out go rows of one run and, for each event,
a receipt that is given only when its line stands. `service` is the one module that knows HTTP, and
the one that needs the extra `http`.
"""
