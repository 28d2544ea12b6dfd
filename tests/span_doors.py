"""The doors that spans come through, with secrets planted everywhere: files of two kinds, and none.

Each takes what is to be kept, a store and a folder of its own, and gives what was planted and what
mcplens itself said.
"""

import base64
import json

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, Status, StatusCode

from mcplens.capture.otel import processor
from mcplens.capture.recorder import Recorder
from mcplens.store.location import Store
from tests.doors_from_elsewhere import import_file, lines
from tests.planted import Plot

TRACE = "0af7651916cd43dd8448eb211c80319c"
CLIENT = 3
T0 = 1_795_000_000_000_000_000


def otlp_json(keep, store, folder):
    plot = Plot()
    said = import_file(keep, store, folder, lines(spans(plot)), name="spans.json")
    return plot, said


def otlp_proto(keep, store, folder):
    plot = Plot()
    request = ParseDict(in_base64(spans(plot)), ExportTraceServiceRequest())
    said = import_file(keep, store, folder, request.SerializeToString(), name="spans.binpb")
    return plot, said


def spans(plot):
    """Spans of a call that failed, with what it asked of others, and of a resource."""
    call = {
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "search",
        "gen_ai.tool.call.arguments": json.dumps(
            {"q": plot.kept("argument"), "password": plot.never("argument_password")}
        ),
        "gen_ai.tool.call.result": json.dumps({"content": [{"text": plot.kept("result")}]}),
        "gen_ai.conversation.id": plot.never("conversation"),
        "mcp.session.id": plot.never("protocol_session"),
        "enduser.id": plot.never("user"),
        "http.request.header.authorization": f"Bearer {plot.never('bearer')}",
        "baggage.customer": plot.never("baggage"),
        "server.address": f"https://me:{plot.never('server_user')}@h/?k={plot.never('server_key')}",
        "url.full": f"https://host/mcp?key={plot.never('url_query')}",
        plot.never("unknown_attribute"): plot.never("unknown_value"),
    }
    failed = f"{plot.kept('status')} {plot.marked('status_marked')}"
    exception = {
        "exception.type": "ValueError",
        "exception.message": plot.never("exception"),
        "exception.stacktrace": plot.never("stacktrace"),
    }
    upstream = {
        "peer.service": f"postgres://me:{plot.never('peer_user')}@db/x?k={plot.never('peer_query')}",
        "db.statement": plot.never("statement"),
    }
    uri = f"mail://me:{plot.never('uri_user')}@host/{plot.marked('uri_marked')}"
    read = {
        "mcp.method.name": "resources/read",
        "mcp.resource.uri": f"{uri}?q={plot.never('uri_query')}",
    }
    resource = {
        "service.name": "books",
        "host.name": plot.never("host"),
        "process.command_line": f"python app.py --key={plot.never('command_line')}",
        "process.owner": plot.never("owner"),
        "process.environment_variable.TOKEN": plot.never("environment"),
    }
    made = [
        span(
            "tools/call search",
            "b7ad6b7169203331",
            2,
            call,
            status={"code": 2, "message": failed},
            traceState=f"v={plot.never('tracestate')}",
            events=[
                {
                    "name": "exception",
                    "timeUnixNano": str(T0),
                    "attributes": attributes(exception),
                }
            ],
        ),
        span("query", "b7ad6b7169203332", 3, upstream, parentSpanId="b7ad6b7169203331"),
        span(f"resources/read {plot.never('span_name')}", "b7ad6b7169203333", 2, read),
    ]
    scopes = [{"scope": {"name": "mcp-python-sdk"}, "spans": made}]
    return {
        "resourceSpans": [{"resource": {"attributes": attributes(resource)}, "scopeSpans": scopes}]
    }


def span_processor(keep, store, _folder):
    """The same spans, made and read within this process."""
    plot = Plot()
    [told] = spans(plot)["resourceSpans"]
    with Recorder(Store(store), observer="import", keep=keep, seal=False) as recorder:
        provider = TracerProvider(resource=Resource(plain(told["resource"])))
        provider.add_span_processor(processor.span_processor(recorder=recorder))
        tracer = provider.get_tracer("mcp-python-sdk")
        for raw in told["scopeSpans"][0]["spans"]:
            kind = SpanKind.CLIENT if raw["kind"] == CLIENT else SpanKind.SERVER
            made = tracer.start_span(raw["name"], kind=kind, attributes=plain(raw))
            if "status" in raw:
                made.set_status(Status(StatusCode.ERROR, raw["status"]["message"]))
            for event in raw.get("events", ()):
                made.add_event(event["name"], plain(event))
            made.end()
        provider.shutdown()
    return plot, ""


def plain(told):
    return {one["key"]: one["value"]["stringValue"] for one in told["attributes"]}


def span(name, span_id, kind, values, **more):
    times = {"startTimeUnixNano": str(T0), "endTimeUnixNano": str(T0 + 10**6)}
    own = {"traceId": TRACE, "spanId": span_id, "name": name, "kind": kind}
    return {**own, **times, "attributes": attributes(values), **more}


def attributes(values):
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


def in_base64(value):
    """Write ids as protobuf's own JSON has them."""
    for one in value["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in one:
                one[name] = base64.b64encode(bytes.fromhex(one[name])).decode()
    return value


DOORS = {
    "import of OTLP JSON": otlp_json,
    "import of OTLP protobuf": otlp_proto,
    "span processor": span_processor,
}
