"""One knapsack episode as a process: the test's stand-in for an environment server's interpreter.

Arguments: seed, smallest and largest number of items, number of classes, allowed classes, `persistent` or `reset`,
tool calls per step. Prints the public data, then answers each line of input (a JSON object with `code`, or with
`evaluate`) with a line.
"""

import contextlib
import io
import json
import math
import random
import sys
import traceback


class ToolRuntimeException(Exception):
    pass


class LimitReached(BaseException):
    pass


def best_value(items, capacity):
    best = [0] * (capacity + 1)
    for weight, value in items:
        for c in range(capacity, weight - 1, -1):
            best[c] = max(best[c], best[c - weight] + value)
    return best[capacity]


def make_task(seed, low, high, classes, allowed_count):
    rng = random.Random(seed)
    names = [chr(ord("A") + k) for k in range(classes)]
    while True:
        n = rng.randint(low, high)
        ids = ["item_%012x" % rng.getrandbits(48) for _ in range(n)]
        allowed = sorted(rng.sample(names, allowed_count))
        items = {i: {"class": rng.choice(names), "weight": rng.randint(5, 20), "value": rng.randint(10, 100)} for i in ids}
        items[ids[0]]["class"] = rng.choice(allowed)
        usable = [(x["weight"], x["value"]) for x in items.values() if x["class"] in allowed]
        if len(usable) < min(5, n // 2):
            continue
        capacity = max(1, round(rng.uniform(0.35, 0.5) * sum(w for w, _ in usable)), min(w for w, _ in usable))
        budget = math.ceil(1.5 * (capacity / 12.5) / (allowed_count / classes))
        return {
            "public": {
                "allowed_classes": allowed,
                "capacity": capacity,
                "inspect_budget": max(5, min(n, budget)),
                "item_ids": ids,
            },
            "items": items,
            "optimum": best_value(usable, capacity),
        }


class Episode:
    def __init__(self, task, persistent, limit):
        self.task, self.persistent, self.limit = task, persistent, limit
        self.taken, self.seen, self.finished = [], [], False
        self.namespace = None

    def tools(self):
        def call(name, function):
            def tool(*args):
                if self.calls >= self.limit:
                    raise LimitReached(f"Tool call limit exceeded: allowed {self.limit} per run.")
                self.calls += 1
                return function(*args)
            tool.__name__ = name
            return tool
        return {name: call(name, getattr(self, name)) for name in ("list_items", "inspect", "take_item", "finish")}

    def list_items(self):
        return json.dumps(sorted(self.task["public"]["item_ids"]))  # not the order of the public data

    def inspect(self, item):
        if item not in self.task["items"]:
            raise ToolRuntimeException(f"unknown item {item}")
        if item not in self.seen:
            if len(self.seen) >= self.task["public"]["inspect_budget"]:
                raise ToolRuntimeException("inspect budget used up")
            self.seen.append(item)
        return json.dumps(self.task["items"][item], sort_keys=True, separators=(",", ":"))

    def take_item(self, item):
        entry = self.task["items"].get(item)
        if entry is None or item in self.taken or entry["class"] not in self.task["public"]["allowed_classes"]:
            raise ToolRuntimeException(f"cannot take {item}")
        if sum(self.task["items"][i]["weight"] for i in self.taken) + entry["weight"] > self.task["public"]["capacity"]:
            raise ToolRuntimeException("capacity exceeded")
        self.taken.append(item)

    def finish(self):
        self.finished = True

    def step(self, code):
        self.calls = 0
        if self.namespace is None or not self.persistent:
            self.namespace = {"json": json, "__name__": "__main__"}
        self.namespace.update(self.tools())
        output, error_output, error, kind = io.StringIO(), io.StringIO(), "", ""
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(error_output):
            try:
                exec(compile(code, "<string>", "exec"), self.namespace)
            except (Exception, LimitReached) as raised:
                error, kind = "".join(traceback.format_exception_only(raised)).strip(), type(raised).__name__
        hidden = {"json", *self.tools()}
        names = [n for n, v in self.namespace.items() if not n.startswith("__") and n not in hidden and type(v).__name__ != "module"]
        return {
            "output": output.getvalue(),
            "error_output": error_output.getvalue(),
            "error": error,
            "exception_type": kind,
            "globals": sorted(names) if self.persistent else [],
            "calls": self.calls,
            "finished": self.finished,
        }

    def evaluate(self):
        value = sum(self.task["items"][i]["value"] for i in self.taken)
        optimum = self.task["optimum"]
        return {
            "is_solved": value == optimum,
            "score": value / optimum,
            # The best that the inspected items allow, against which a player is judged.
            "metrics": {"agent_value": value, "inspected_count": len(self.seen), "reachable_value": self.reachable()},
        }

    def reachable(self):
        allowed = self.task["public"]["allowed_classes"]
        seen = [self.task["items"][i] for i in self.seen]
        return best_value([(x["weight"], x["value"]) for x in seen if x["class"] in allowed], self.task["public"]["capacity"])


def main():
    seed, low, high, classes, allowed = map(int, sys.argv[1:6])
    episode = Episode(make_task(seed, low, high, classes, allowed), sys.argv[6] == "persistent", int(sys.argv[7]))
    print(json.dumps(episode.task["public"]), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer = episode.evaluate() if "evaluate" in request else episode.step(request["code"])
        print(json.dumps(answer), flush=True)


main()
