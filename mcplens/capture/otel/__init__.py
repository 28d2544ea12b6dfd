"""OpenTelemetry spans of MCP conventions, made into events.

In come spans, read from files or handed over by a TracerProvider in this process; out go the facts
of calls. One mapping serves both. It never takes the absence of an error for a success: the spans
of today's SDKs end the same way for an answer, a cancel, and a round that asks for input.
"""
