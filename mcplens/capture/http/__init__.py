"""Stands in front of a server that speaks streamable HTTP, and records what passes.

In come requests of clients and answers of the server behind, as they travel; out go the same bytes,
at once, and a copy that is read later, on the recorder's thread. aiohttp carries the traffic and
is imported by `proxy` alone; logins and other pages beside the endpoint pass and are not read.
"""
