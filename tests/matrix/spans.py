"""Lets a process of the matrix write its OpenTelemetry spans to a file."""

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.servers.traced import ToFile


def write_spans(path):
    """Begin to write; what is written is due after a tenth of a second, and at the end."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(ToFile("json", path), schedule_delay_millis=100))
    trace.set_tracer_provider(provider)
    return provider
