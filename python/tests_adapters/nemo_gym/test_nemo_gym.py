"""A resources server of NeMo Gym, called over HTTP as its agents and its environment servers call it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from nemo_gym.base_resources_server import ResourcesSeedSessionRequest
from nemo_gym.mcp_auto_exposure import maybe_auto_expose
from nemo_gym.server_utils import ServerClient
from nemo_gym.testing.session_conformance import check_resources_session_contract
from responses_api_agents.simple_agent.app import SimpleAgent, SimpleAgentConfig

import runtime_gym as rg
from runtime_gym.nemo_gym import RuntimeGymConfig, RuntimeGymResourcesServer, rows

TAKE = """
taken = 0
for one in json.loads(list_items()):
    if taken < 2:
        try:
            inspect(one)
            take_item(one)
            taken += 1
        except Exception:
            pass
"""
"""Takes two items that can be taken."""

VERIFY = {
    "responses_create_params": {"input": []},
    "response": {
        "id": "1",
        "created_at": 0.0,
        "model": "script",
        "object": "response",
        "output": [],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
    },
}

IDS = (f"session-{number}" for number in count())


def resources(url: str, **config: Any) -> RuntimeGymResourcesServer:
    """A resources server for a server."""
    return RuntimeGymResourcesServer(
        config=RuntimeGymConfig(name="runtime_gym", host="127.0.0.1", port=0, entrypoint="app.py", url=url, **config),
        server_client=MagicMock(spec=ServerClient),
    )


def session(url: str, **config: Any) -> TestClient:
    """An agent. Its cookies name its session."""
    return TestClient(resources(url, **config).setup_webserver())


def row(server: rg.Server, **keys: Any) -> dict[str, Any]:
    """A row."""
    return {"task": rg.Client(server.url).tasks("knapsack", limit=1)[0].task_id, "interpreter_state": "persistent", **keys}


def seed(task_data: dict[str, Any]) -> dict[str, Any]:
    """The request of an environment server that begins a session."""
    return {
        "resources_session_id": next(IDS),
        "episode_id": {"rollout_id": "rollout"},
        "task_id": {"taskset": "tasks", "task_id": "1"},
        "task_data": task_data,
    }


def close(seeded: dict[str, Any]) -> dict[str, Any]:
    """The request that ends it."""
    return {key: seeded[key] for key in ("resources_session_id", "episode_id")}


def running(server: rg.Server) -> int:
    """How many episodes run on the server."""
    return rg.Client(server.url).servers()[0].running_episodes


def test_the_contract_of_sessions(server: rg.Server) -> None:
    app = resources(server.url).setup_webserver()
    check_resources_session_contract(app, ResourcesSeedSessionRequest(**seed(row(server))), keeps_state=True)
    assert running(server) == 0


@pytest.mark.parametrize("state", list(rg.InterpreterState))
def test_a_session(server: rg.Server, state: rg.InterpreterState) -> None:
    agent, request = session(server.url), seed(row(server, interpreter_state=state))
    for _ in range(2):
        assert agent.post("/seed_session", json=request).json()["resources_session_id"] == request["resources_session_id"]
    assert running(server) == 1
    first = agent.post("/python", json={"code": f"x = 6 * 7\n{TAKE}"})
    assert (first.status_code, first.text) == (200, '{"success":true,"result":null,"output":"","error":null}')
    told = agent.post("/python", json={"code": "print(x)"}).json()
    if state is rg.InterpreterState.PERSISTENT:
        assert told["output"] == "42\n"
    else:
        assert "NameError: name 'x' is not defined" in told["error"]
    assert agent.post("/python", json={"code": "finish()"}).status_code == 200
    late = agent.post("/python", json={"code": "print(1)"})
    assert (late.status_code, late.text) == (409, "The episode has ended.")
    verified = agent.post("/verify", json=VERIFY).json()
    assert 0 < verified["reward"] < 1
    assert (verified["is_solved"], verified["finished"], verified["steps"]) == (False, True, 3)
    assert (verified["mask_sample"], verified["failure_kind"]) == (False, None)
    assert verified["response"]["id"] == "1"
    assert agent.post("/verify", json=VERIFY).json() == verified
    for _ in range(2):
        assert agent.post("/close_session", json=close(request)).status_code == 200
    assert agent.post("/seed_session", json=request).status_code == 409
    assert running(server) == 0


def test_the_reward_is_the_servers(server: rg.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    ids: list[str] = []
    begin = rg.AsyncClient.create

    async def create(client: rg.AsyncClient, *args: Any, **options: Any) -> rg.AsyncEpisode:
        episode = await begin(client, *args, **options)
        ids.append(episode.id)
        return episode

    monkeypatch.setattr(rg.AsyncClient, "create", create)
    agent = session(server.url)
    agent.post("/seed_session", json=seed(row(server)))
    agent.post("/python", json={"code": f"{TAKE}\nfinish()"})
    evaluation = rg.Client(server.url).attach(ids[0]).evaluation
    assert evaluation is not None
    assert agent.post("/verify", json=VERIFY).json()["reward"] == evaluation.score > 0


def test_an_unfinished_episode_is_scored(server: rg.Server) -> None:
    agent = session(server.url)
    agent.post("/seed_session", json=seed(row(server)))
    agent.post("/python", json={"code": TAKE})
    verified = agent.post("/verify", json=VERIFY).json()
    assert verified["reward"] > 0
    assert (verified["finished"], verified["mask_sample"]) == (False, False)
    assert running(server) == 0


@pytest.mark.parametrize("state", list(rg.InterpreterState))
def test_rows(server: rg.Server, state: rg.InterpreterState) -> None:
    made = list(rows(rg.Client(server.url), "knapsack", 3, interpreter_state=state, max_turns=2))
    assert len({one["task"] for one in made}) == 3
    assert running(server) == 0
    params = made[0]["responses_create_params"]
    system, user = (message["content"] for message in params["input"])
    assert system.startswith("These functions can be called in your code")
    assert "You have 2 turns" in system
    assert ("keeps its state" in system) == (state is rg.InterpreterState.PERSISTENT)
    assert "knapsack" in user
    agent = session(server.url)
    # An agent's `/run` sends the whole row.
    one = json.loads(json.dumps(made[0]))
    assert agent.post("/seed_session", json=one).json() == {}
    name = params["tools"][0]["name"]
    assert agent.post(f"/{name}", json={"code": "print(1)"}).json()["output"] == "1\n"
    assert agent.post(f"/{name}", json={"code": "x = 1"}).status_code == 200
    assert agent.post(f"/{name}", json={"code": "x = 2"}).status_code == 409
    verified = agent.post("/verify", json=one | VERIFY).json()
    assert (verified["reward"], verified["finished"], verified["steps"]) == (0.0, False, 2)
    assert running(server) == 0


def test_wrong_rows(server: rg.Server) -> None:
    def status(task_data: dict[str, Any]) -> tuple[int, int]:
        typed = session(server.url).post("/seed_session", json=seed(task_data))
        legacy = session(server.url).post("/seed_session", json=task_data)
        return typed.status_code, legacy.status_code

    whole = row(server)
    assert status({"task": whole["task"]}) == (422, 422)
    assert status(whole | {"interpreter_state": "half"}) == (422, 422)
    assert status(whole | {"task": "chess-1"}) == (400, 400)
    assert status(whole | {"limits": {"max_steps": 10**6}}) == (400, 400)
    assert "interpreter_state" in session(server.url).post("/seed_session", json=seed({"task": "1"})).text
    assert running(server) == 0


def test_a_session_plays_one_episode(server: rg.Server) -> None:
    agent, request = session(server.url), seed(row(server))
    assert agent.post("/seed_session", json=request).status_code == 200
    assert agent.post("/seed_session", json=request | {"task_data": row(server, seed=7)}).status_code == 409
    assert agent.post("/python", json={"code": 5}).status_code == 422
    assert agent.post("/close_session", json=close(request)).status_code == 200
    assert running(server) == 0


def test_many_sessions_at_once(server: rg.Server) -> None:
    app = resources(server.url).setup_webserver()

    async def play(number: int) -> tuple[float, list[str]]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://resources") as agent:
            request = seed(row(server))
            # A request that is repeated while the first one runs begins no second episode.
            await asyncio.gather(*(agent.post("/seed_session", json=request) for _ in range(3)))
            await agent.post("/python", json={"code": f"n = {number}\n{TAKE}"})
            # Calls of one session at once are made one after the other.
            told = await asyncio.gather(*(agent.post("/python", json={"code": "print(n)"}) for _ in range(3)))
            verified = await agent.post("/verify", json=VERIFY)
            return verified.json()["reward"], [one.json()["output"] for one in told]

    async def play_all() -> list[tuple[float, list[str]]]:
        return await asyncio.gather(*(play(number) for number in range(16)))

    before = rg.Client(server.url).servers()[0].episodes_created
    played = asyncio.run(play_all())
    assert [told for _, told in played] == [[f"{number}\n"] * 3 for number in range(16)]
    assert len({reward for reward, _ in played}) == 1
    assert rg.Client(server.url).servers()[0].episodes_created == before + 16
    assert running(server) == 0


def test_a_lost_server_is_masked_and_no_model_is_told(tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = rg.AsyncClient
    monkeypatch.setattr("runtime_gym.nemo_gym.AsyncClient", lambda url: client(url, attempts=2, deadline=2))
    with rg.serve(tasks) as server:
        agent, idle, request = session(server.url), session(server.url), seed(row(server))
        for one in (agent, idle):
            one.post("/seed_session", json=request)
            one.post("/python", json={"code": TAKE})
        another = seed(row(server))
        os.kill(server.pid, signal.SIGKILL)
        for _ in range(2):
            told = agent.post("/python", json={"code": "print(1)"})
            assert (told.status_code, told.text) == (503, "(no output)")
        for one in (agent, idle):
            verified = one.post("/verify", json=VERIFY).json()
            assert (verified["reward"], verified["mask_sample"]) == (0.0, True)
            assert verified["failure_kind"] == "transport_unreachable"
            assert "can't be reached" in verified["failure_reason"]
            assert verified["is_solved"] is None
        # A close that fails may be tried again.
        assert agent.post("/close_session", json=close(request)).status_code == 503
        assert session(server.url).post("/seed_session", json=another).status_code == 503


def test_an_expired_episode_is_masked(server: rg.Server) -> None:
    agent, request = session(server.url, lease=1), seed(row(server))
    agent.post("/seed_session", json=request)
    agent.post("/python", json={"code": TAKE})
    time.sleep(2)
    assert agent.post("/python", json={"code": "finish()"}).status_code == 503
    verified = agent.post("/verify", json=VERIFY).json()
    assert (verified["mask_sample"], verified["failure_kind"]) == (True, "session_expired")
    assert agent.post("/close_session", json=close(request)).status_code == 200


def test_a_session_without_an_episode_is_masked(server: rg.Server) -> None:
    agent = session(server.url)
    assert agent.post("/python", json={"code": "print(1)"}).status_code == 503
    verified = agent.post("/verify", json=VERIFY).json()
    assert (verified["reward"], verified["mask_sample"], verified["failure_kind"]) == (0.0, True, "session_lost")
    assert agent.get("/reverify_mode").json() == "unsupported"


def test_the_tool_over_mcp(server: rg.Server) -> None:
    ours = resources(server.url, expose_tools_over_mcp=True)
    app = ours.setup_webserver()
    tools = maybe_auto_expose(ours, app)
    assert tools is not None
    assert list(tools) == ["python"]
    assert tools["python"].tool.inputSchema["required"] == ["code"]
    with TestClient(app) as agent:
        for request in (seed(row(server)), row(server)):
            seeded = agent.post("/seed_session", json=request).json()
            headers = (seeded.get("resources_tools") or seeded["mcp"])["headers"]
            call = {"name": "python", "arguments": {"code": "print(6 * 7)"}}
            told = agent.post(
                "/mcp",
                json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call},
                headers={**headers, "Accept": "application/json, text/event-stream"},
            ).json()["result"]
            assert told["isError"] is False
            assert json.loads(told["content"][0]["text"])["output"] == "42\n"
            assert agent.post("/verify", json=VERIFY).json()["steps"] == 1
            agent.cookies.clear()


class Reply:
    """An answer, with what NeMo Gym reads of one of aiohttp's."""

    def __init__(self, reply: httpx.Response) -> None:
        """Of httpx."""
        self.status, self.ok, self.cookies = reply.status_code, reply.is_success, dict(reply.cookies)
        self.content = self
        self._body = reply.content

    async def read(self) -> bytes:
        """The body."""
        return self._body


def script(*blocks: str) -> FastAPI:
    """A model server: a model that calls the tool with these blocks, one after the other, and ends its turn."""
    app, left = FastAPI(), list(blocks)

    @app.post("/v1/responses")
    async def responses() -> dict[str, Any]:
        if left:
            arguments = json.dumps({"code": left.pop(0)})
            output: dict[str, Any] = {"type": "function_call", "call_id": str(len(left)), "name": "python", "arguments": arguments}
        else:
            content = [{"type": "output_text", "text": "I am done.", "annotations": []}]
            output = {"type": "message", "id": "1", "role": "assistant", "status": "completed", "content": content}
        return VERIFY["response"] | {"output": [output]}

    return app


def play(row: dict[str, Any], ours: RuntimeGymResourcesServer, model: FastAPI) -> dict[str, Any]:
    """Lets NeMo Gym's own agent play a row."""
    servers = {"resources": ours.setup_webserver(), "model": model}

    async def post(server_name: str, url_path: str, json: Any, cookies: Any = None) -> Reply:
        transport = httpx.ASGITransport(servers[server_name])
        body = json if isinstance(json, dict) else json.model_dump(mode="json", exclude_unset=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://server", cookies=cookies) as client:
            return Reply(await client.post(url_path, json=body))

    config = SimpleAgentConfig(
        name="agent",
        host="127.0.0.1",
        port=0,
        entrypoint="app.py",
        resources_server={"type": "resources_servers", "name": "resources"},
        model_server={"type": "responses_api_models", "name": "model"},
    )
    client = MagicMock(spec=ServerClient)
    client.post = post
    agent = SimpleAgent(config=config, server_client=client).setup_webserver()
    servers["agent"] = agent
    return TestClient(agent).post("/run", json=row).json()


@pytest.mark.parametrize("state", list(rg.InterpreterState))
def test_an_agent_of_theirs(server: rg.Server, state: rg.InterpreterState) -> None:
    [row] = rows(rg.Client(server.url), "knapsack", 1, interpreter_state=state)
    played = play(row, resources(server.url), script(TAKE, "print(taken)", "finish()"))
    assert played["reward"] > 0
    assert (played["finished"], played["steps"]) == (True, 3)
    output = played["response"]["output"]
    assert [one["type"] for one in output] == ["function_call", "function_call_output"] * 3 + ["message"]
    told = json.loads(output[3]["output"])
    if state is rg.InterpreterState.PERSISTENT:
        assert told["output"] == "2\n"
    else:
        assert "name 'taken' is not defined" in told["error"]
    assert running(server) == 0


def test_one_process(server: rg.Server) -> None:
    with pytest.raises(ValueError, match="num_workers must be 1"):
        resources(server.url, num_workers=2)
