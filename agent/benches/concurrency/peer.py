# Holds conversations with a model server, many at once, as agents in Python do: one asyncio loop and one `AsyncOpenAI`.
# Standard input says which; standard output gets the times.
import asyncio, json, sys, time

from openai import AsyncOpenAI

task = json.load(sys.stdin)
client = AsyncOpenAI(base_url=task["url"], api_key="none", max_retries=0, timeout=600)
calls = []


async def ask(seed, messages):
    options = {"stream_options": {"include_usage": True}} if task["stream"] else {}
    answer = await client.chat.completions.create(
        model="model", messages=messages, seed=seed, temperature=0.2, max_completion_tokens=12288,
        stream=task["stream"], **options,
    )
    if not task["stream"]:
        return answer.choices[0].message.content
    parts = [chunk.choices[0].delta.content or "" async for chunk in answer if chunk.choices]
    return "".join(parts)


async def converse(seed):
    told = task["conversation"]
    messages = [{"role": "system", "content": told["system"]}, {"role": "user", "content": told["task"]}]
    for turn in range(task["turns"]):
        begun = time.perf_counter()
        text = await ask(seed, messages)
        calls.append((seed, turn, time.perf_counter() - begun))
        messages += [{"role": "assistant", "content": text}, {"role": "user", "content": told["observation"]}]


async def main():
    begun, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*map(converse, range(task["at_once"])))
    wall, cpu = time.perf_counter() - begun, time.process_time() - used
    json.dump({"wall": wall, "cpu": cpu, "calls": calls}, sys.stdout)


asyncio.run(main())
