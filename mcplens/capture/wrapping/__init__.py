"""Puts `mcplens record` before the servers of an MCP client, and takes it away again.

In come the client's configuration files; out goes the same text with two values of an entry
changed. Comments, order, line ends and everything else in a file stay as they are, byte by byte.
"""
