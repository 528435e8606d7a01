//! `asyncio` works for what needs no sockets, and says what it cannot do.

use crate::common::{fails, notebooks, persistent, prints, reset};

#[test]
fn coroutines_run_and_sleeping_advances_the_clock() {
    let code = "
import asyncio, time
async def main():
    await asyncio.sleep(3600)
    return 5
before = time.time()
print(asyncio.run(main()), 3600 <= time.time() - before < 3601)";
    for mut python in [persistent(), reset()].into_iter().chain(notebooks()) {
        for _ in 0..2 {
            assert_eq!(prints(&mut python, code), "5 True\n");
        }
    }
}

#[test]
fn tasks_are_scheduled_in_the_order_of_their_timers() {
    let code = "
import asyncio
log = []
async def worker(name, pause, queue):
    while True:
        item = await queue.get()
        await asyncio.sleep(pause)
        log.append((name, item))
        queue.task_done()
async def main():
    queue = asyncio.Queue()
    for n in range(6): queue.put_nowait(n)
    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(worker(name, pause, queue)) for name, pause in (('a', 1), ('b', 2.5))]
        await queue.join()
        for task in workers: task.cancel()
    print(log)
    lock, event, gate = asyncio.Lock(), asyncio.Event(), asyncio.Semaphore(2)
    async def hold(n):
        async with gate, lock:
            await asyncio.sleep(n)
        if n == 3: event.set()
        return n
    print(await asyncio.gather(*map(hold, (3, 1, 2)), event.wait()))
    try: await asyncio.wait_for(asyncio.sleep(9), timeout=1)
    except TimeoutError: print('timeout')
    try:
        async with asyncio.timeout(1): await asyncio.Event().wait()
    except TimeoutError: print('timeout')
    done, pending = await asyncio.wait([asyncio.create_task(hold(n)) for n in (1, 5)], return_when=asyncio.FIRST_COMPLETED)
    print(len(done), len(pending))
    async for task in asyncio.as_completed([hold(2), hold(1)]): print(await task)
    return [n async for n in numbers()]
async def numbers():
    for n in range(3):
        await asyncio.sleep(1)
        yield n
print(asyncio.run(main()))";
    let expected = "[('a', 0), ('a', 2), ('b', 1), ('a', 3), ('a', 5), ('b', 4)]
[3, 1, 2, True]
timeout
timeout
1 1
";
    for mut python in [persistent(), reset()] {
        let printed = prints(&mut python, code);
        assert!(printed.starts_with(expected) && printed.ends_with("[0, 1, 2]\n"), "{printed}");
    }
}

#[test]
fn failures_reach_the_caller() {
    let code = "
import asyncio
async def fail(n):
    await asyncio.sleep(n)
    raise ValueError(n)
async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(fail(1))
        group.create_task(asyncio.sleep(100))
try: asyncio.run(main())
except* ValueError as group: print(group.exceptions)
async def nested(): asyncio.run(fail(1))
try: asyncio.run(nested())
except RuntimeError as error: print(error)
asyncio.run(fail(2))";
    let outcome = fails(&mut persistent(), code);
    assert!(
        outcome
            .output
            .starts_with("(ValueError(1),)\nasyncio.run() cannot be called from a running event loop"),
        "{outcome:?}"
    );
    assert!(outcome.error.unwrap().ends_with("line 5, in fail\nValueError: 2"));
}

#[test]
fn what_cannot_work_says_so() {
    for (call, error) in [
        ("asyncio.to_thread(print)", "RuntimeError: there are no threads here"),
        (
            "asyncio.get_running_loop().run_in_executor(None, print)",
            "RuntimeError: there are no threads here",
        ),
        ("asyncio.open_connection('example.org', 80)", "OSError: there is no network here"),
        ("asyncio.start_server(print, '127.0.0.1', 80)", "OSError: there is no network here"),
        ("asyncio.get_running_loop().getaddrinfo('example.org', 80)", "OSError: there is no network here"),
        ("asyncio.create_subprocess_exec('true')", "OSError: there are no processes here"),
        ("asyncio.create_subprocess_shell('true')", "OSError: there are no processes here"),
        ("asyncio.Event().wait()", "RuntimeError: every task waits for another one"),
        ("asyncio.Queue().get()", "RuntimeError: every task waits for another one"),
    ] {
        let code = format!("import asyncio\nasync def main():\n    return await {call}\nasyncio.run(main())");
        let shown = fails(&mut reset(), &code).error.unwrap();
        assert!(shown.lines().last().unwrap().starts_with(error), "{call}: {shown}");
    }
}

#[test]
fn loops_can_be_made_by_hand() {
    let code = "
import asyncio
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
print(loop.run_until_complete(asyncio.sleep(1, 'slept')), asyncio.get_event_loop() is loop)
loop.call_later(2, loop.stop)
loop.run_forever()
loop.close()
with asyncio.Runner() as runner: print(runner.run(asyncio.sleep(0, 'run')))
for make in (asyncio.EventLoop, asyncio.SelectorEventLoop): print(asyncio.run(asyncio.sleep(0, 1), loop_factory=make))";
    assert_eq!(prints(&mut reset(), code), "slept True\nrun\n1\n1\n");
}
