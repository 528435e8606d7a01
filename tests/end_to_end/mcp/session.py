"""A session of the Model Context Protocol by the official SDK, of version 1 or 2: lists the tools, and makes calls.

    python session.py '[["run_python", {"code": "print(1)"}], ...]' URL
    python session.py '[...]' PROGRAM ARGUMENT...

It prints what the server answered, as JSON.
"""

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from importlib.metadata import version

from mcp import StdioServerParameters


@asynccontextmanager
async def connect(where):
    is_url = where[0].startswith("http")
    program = StdioServerParameters(command=where[0], args=where[1:])
    if version("mcp").startswith("1."):
        from mcp import ClientSession
        from mcp.client.stdio import stdio_client
        from mcp.client.streamable_http import streamablehttp_client

        transport = streamablehttp_client(where[0]) if is_url else stdio_client(program)
        async with transport as (read, write, *_), ClientSession(read, write) as session:
            await session.initialize()
            yield session
    else:
        from mcp import Client

        async with Client(where[0] if is_url else program) as client:
            yield client


async def main():
    calls, where = json.loads(sys.argv[1]), sys.argv[2:]
    answers = []
    async with connect(where) as client:
        tools = (await client.list_tools()).tools
        for name, arguments in calls:
            try:
                answer = await client.call_tool(name, arguments)
                answers.append(answer.model_dump(mode="json", by_alias=True))
            except Exception as error:
                answers.append({"raised": str(error)})
    told = [tool.model_dump(mode="json", by_alias=True) for tool in tools]
    print(json.dumps({"tools": told, "answers": answers}))


asyncio.run(main())
