# eryx, also CPython in WebAssembly: https://pypi.org/project/pyeryx. Its snapshot pickles the variables that it can.
import eryx

LIVE = 20


def with_history():
    session = eryx.Session()
    for step in HISTORY:
        session.execute(step)
    return session


def fork(into):
    into.restore_state(old.snapshot_state())
    return into


def memory():
    before = private_bytes("self")
    sessions = [eryx.Session() for _ in range(LIVE)]
    for session in sessions:
        session.execute(STEP)
    return (private_bytes("self") - before) / LIVE


ask = {"name": "ask", "description": "", "fn": lambda q: "42"}
live, caller, old = eryx.Session(), eryx.Session(callbacks=[ask]), with_history()
spare = fork(eryx.Session())

serve(
    {
        "new interpreter": operation(lambda _: eryx.Session()),
        "new interpreter and its first step": operation(lambda _: eryx.Session().execute(STEP)),
        "step in a resetting interpreter": operation(lambda _: eryx.Sandbox().execute(STEP)),
        "step in a live interpreter": operation(lambda _: live.execute(STEP)),
        "step of nothing": operation(lambda _: live.execute("pass")),
        "tool call": operation(lambda _: caller.execute(CALLS.replace("ask", "await ask"))),
        "new interpreter and those 100 steps": operation(lambda _: with_history()),
        "fork after 100 steps": operation(lambda _: fork(eryx.Session())),
        "  into one that was forked into before": operation(lambda _: fork(spare)),
        "first step of a fork": operation(lambda other: other.execute(STEP), prepare=lambda: fork(eryx.Session())),
        "3 million rounds of a loop": operation(lambda _: live.execute(LOOP)),
    },
    memory,
)
