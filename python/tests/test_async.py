"""Episodes, by asyncio."""

from __future__ import annotations

import asyncio

import pytest

import runtime_gym as rg


@pytest.fixture
def client(server: rg.Server) -> rg.AsyncClient:
    """A client of the server, for asyncio."""
    return rg.AsyncClient(server.url)


async def test_many_episodes_at_once(client: rg.AsyncClient) -> None:
    task = (await client.tasks("knapsack"))[0]

    async def play(number: int) -> str:
        async with await client.create(task, interpreter_state="persistent") as episode:
            await episode.step(f"x = {number}")
            [copy] = await episode.fork()
            answer = await copy.step("print(x)")
            await copy.close()
            return answer.observation.output

    assert await asyncio.gather(*map(play, range(50))) == [f"{number}\n" for number in range(50)]
    assert [server.running_episodes for server in await client.servers()] == [0]


async def test_a_batch(client: rg.AsyncClient) -> None:
    task = (await client.tasks("knapsack"))[0]
    episodes = [await client.create(task, interpreter_state="reset") for _ in range(3)]
    answers = await client.step_batch([(episode, "print(1)") for episode in episodes])
    assert [answer.observation.output for answer in answers if isinstance(answer, rg.Step)] == ["1\n"] * 3
    assert await client.keep_alive(episodes) == []
    for episode in episodes:
        await episode.keep_alive()
        await episode.close()
        with pytest.raises(rg.NotFound):
            await episode.keep_alive()


async def test_a_stream(client: rg.AsyncClient) -> None:
    task = (await client.tasks("knapsack"))[0]
    async with await client.create(task, interpreter_state="persistent") as episode:
        stream = client.step_stream()
        for code in ("x = 1", "x += 1", "print(x)"):
            stream.send(episode, code)
        answers = [await stream.receive() for _ in range(len(stream))]
        assert [step.observation.output for _, step in answers] == ["", "", "2\n"]
        assert answers[0][0] is episode
        with pytest.raises(IndexError):
            await stream.receive()


async def test_errors_are_raised_where_they_are_awaited(client: rg.AsyncClient) -> None:
    with pytest.raises(rg.NotFound):
        await client.attach("no-such-episode")
    with pytest.raises(ValueError, match="interpreter_state"):
        await client.create("x", interpreter_state="none")


async def test_a_cancelled_step_may_be_sent_again(client: rg.AsyncClient) -> None:
    task = (await client.tasks("knapsack"))[0]
    async with await client.create(task, interpreter_state="persistent") as episode:
        code = "total = 0\nfor i in range(1_000_000): total += i\nprint(total)"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(episode.step(code), 0.01)
        assert (await episode.step(code)).observation.output == "499999500000\n"
        assert episode.next_step_index == 1


async def test_a_cancelled_create_leaves_no_episode(client: rg.AsyncClient) -> None:
    task = (await client.tasks("knapsack"))[0]
    [before] = await client.servers()
    waits = (0.0, 0.0005, 0.001, 0.002)
    for wait in waits:
        creating = asyncio.ensure_future(client.create(task, interpreter_state="persistent"))
        await asyncio.sleep(wait)
        if creating.cancel():
            with pytest.raises(asyncio.CancelledError):
                await creating
        else:
            await (await creating).close()
    for _ in range(400):
        [server] = await client.servers()
        # A request that was sent arrives, if late.
        if server.episodes_created == before.episodes_created + len(waits) and server.running_episodes == 0:
            return
        await asyncio.sleep(0.05)
    pytest.fail("an episode that nobody has is still open")
