"""A plain pass-through: `http_pass_through PORT URL`, as one writes it with uvicorn and httpx."""

import contextlib
import sys

import httpx2 as httpx
import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

port, url = sys.argv[1:]


async def pass_on(request):
    client = request.app.state.client
    headers = [(n, v) for n, v in request.headers.raw if n.lower() != b"host"]
    outgoing = client.build_request("POST", url, headers=headers, content=await request.body())
    answer = await client.send(outgoing, stream=True)
    kept = {n: v for n, v in answer.headers.items() if n.lower() != "transfer-encoding"}

    async def stream():
        async for piece in answer.aiter_raw():
            yield piece
        await answer.aclose()

    return StreamingResponse(stream(), answer.status_code, kept)


@contextlib.asynccontextmanager
async def lifespan(app):
    async with httpx.AsyncClient(timeout=None) as app.state.client:
        yield


app = Starlette(routes=[Route("/mcp", pass_on, methods=["POST"])], lifespan=lifespan)
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="critical")
