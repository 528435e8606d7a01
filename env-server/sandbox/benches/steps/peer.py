# Serves the bench: a line of input names an operation and a number of seconds; the operation is timed repeatedly for
# that long. The bench prepends its programs as variables: STEP, CALLS, LOOP, HISTORY.
import re, sys, time


def private_bytes(process):
    with open(f"/proc/{process}/smaps_rollup") as file:
        return 1024 * sum(map(int, re.findall(r"^Private_\w+: +(\d+)", file.read(), re.M)))


def operation(run, prepare=lambda: None, clean=lambda result: None):
    """Times `run`, which is called with the result of `prepare`. `clean` is called with the result of `run`."""

    def timed(seconds):
        end, nanoseconds = time.perf_counter() + seconds, []
        while not nanoseconds or time.perf_counter() < end:
            subject = prepare()
            start = time.perf_counter_ns()
            result = run(subject)
            nanoseconds.append(time.perf_counter_ns() - start)
            clean(result)
        return nanoseconds

    return timed


def serve(operations, memory):
    print("ready", flush=True)
    for line in sys.stdin:
        what, seconds = line.rstrip("\n").split("\t")
        if what == "private memory":
            print(int(memory()), flush=True)
        elif what in operations:
            print(*operations[what](float(seconds)), flush=True)
        else:
            print(flush=True)
