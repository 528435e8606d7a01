import assert from "node:assert/strict";
import { test } from "node:test";

import { highlight } from "../src/code/highlight.ts";
import { rewritten, statements } from "../src/trace/rewritten.ts";

test("colours lose nothing of a code, whatever it is", () => {
  const codes = [
    "",
    "\n\n",
    "def f(a):\n    return '</script>'  # x\n",
    "if (:\n\t'''never ends",
    "é = 1\r\nb",
    "$ ? \u{1f600} <b>",
  ];
  for (const code of codes) {
    const lines = highlight(code).map((line) => line.map((piece) => piece.text).join(""));
    assert.equal(lines.join("\n").replaceAll("\r", ""), code.replaceAll("\r", ""), JSON.stringify(code));
  }
  const classes = highlight("def f():\n    return 'a' + 1  # b")
    .flat()
    .filter((piece) => piece.classes);
  assert.deepEqual(
    classes.map((piece) => [piece.text, piece.classes.split(" ")[0]]),
    [
      ["def", "tok-keyword"],
      ["f", "tok-variableName"],
      ["(", "tok-punctuation"],
      [")", "tok-punctuation"],
      ["return", "tok-keyword"],
      ["'a'", "tok-string"],
      ["+", "tok-operator"],
      ["1", "tok-number"],
      ["# b", "tok-comment"],
    ],
  );
});

test("statements that only bind names again count, and no others", () => {
  const again = new Set(["a", "f", "j", "np"]);
  const share = (code: string) => rewritten(code, code, again, 1000);
  for (const code of [
    "a = 1",
    "a: int = 1",
    "a = j = 1",
    "def f(x):\n    return x",
    "import json as j",
    "from numpy import np",
  ]) {
    assert.equal(share(code), 1000, code);
  }
  for (const code of [
    "b = 1",
    "a = b = 1",
    "a[0] = 1",
    "a.b = 1",
    "for a in x:\n    f = 1",
    "print(a)",
    "a += 1",
    "",
  ]) {
    assert.equal(share(code), 0, code);
  }
  assert.equal(rewritten("a = 1\nprint(a)", "a = 1\nprint(a)", again, 140), 50);
});

test("statements are told apart in code that need not be correct", () => {
  const parts = [
    "a = [\n1,\n]",
    '@wraps(\nf)\ndef f():\n    x\n\n    # y\n    return """\nz\n"""',
    "for a in b:\n    c",
    "d = 'it\\'s (' + \\\n  e",
    "g = (1",
  ];
  assert.deepEqual(statements(parts.join("\n")), parts);
  assert.deepEqual(statements(")\na = '\nb"), [")", "a = '", "b"]);
  assert.deepEqual(statements(""), [""]);
});
