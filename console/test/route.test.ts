import assert from "node:assert/strict";
import { test } from "node:test";

import { bytes, percent, plural, seconds } from "../src/format.ts";
import { compareLink, episodeLink, listLink, readRoute, studyLink } from "../src/route.ts";
import { places } from "../src/source/files.ts";

test("a link leads to what it was made of", () => {
  const id = "runs/a b/results/x#?&/é%-1";
  assert.deepEqual(readRoute(episodeLink(id, 7)), { view: "episode", id, turn: 7 });
  assert.deepEqual(readRoute(compareLink([id, "b"], 2)), { view: "compare", ids: [id, "b"], turn: 2 });
  assert.deepEqual(readRoute(studyLink(id)), { view: "study", id });
  const list = readRoute(listLink({ q: "a&b", state: "" }));
  assert.deepEqual(list.view === "list" && [...list.query], [["q", "a&b"]]);
});

test("a hash that nobody made is the list", () => {
  for (const hash of ["", "#", "#/nothing/x", "#/episode/", "#/compare", "#javascript:alert(1)"]) {
    assert.equal(readRoute(hash).view, "list", hash);
  }
  assert.deepEqual(readRoute("#/episode/%E0%A4%A?turn=-3"), { view: "episode", id: "%E0%A4%A", turn: 1 });
  assert.equal(readRoute("#/compare?t=1&t=2&t=3&t=4&t=5").view, "compare");
});

test("traces are found among dropped files, with the results beside them", () => {
  const file = (path: string) => ({ path, file: new File([], path.split("/").at(-1) ?? "") });
  const found = places(["r/a.trace.json", "r/a.json", "r/.b.trace.json", "r/c.html", "d.trace.json"].map(file));
  assert.deepEqual(
    found.map(({ id, result }) => [id, result !== undefined]),
    [
      ["r/a", true],
      ["d", false],
    ],
  );
});

test("numbers are written for people", () => {
  assert.deepEqual([plural(1, "turn"), plural(1200, "turn")], ["1 turn", "1,200 turns"]);
  assert.deepEqual([percent(undefined), percent(0), percent(0.905), percent(1)], ["–", "0 %", "90.5 %", "100 %"]);
  assert.deepEqual(
    [seconds(0.0000123), seconds(0.25), seconds(2), seconds(125)],
    ["12 µs", "250 ms", "2.0 s", "2 min 5 s"],
  );
  assert.deepEqual([bytes(12), bytes(1500), bytes(120e6)], ["12 B", "1.5 kB", "120 MB"]);
});
