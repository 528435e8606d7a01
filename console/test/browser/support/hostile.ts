/** A trace in which a model, or whoever wrote the file, tries to run a script on the page. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { FOLDER } from "./programs.ts";

/** What sets `window.hacked` if any of it is taken for more than text. */
export const ATTACK = [
  "<script>window.hacked=1</script>",
  "</script></pre></style></title></textarea><script>window.hacked=2</script>",
  '<img src=x onerror="window.hacked=3">',
  "<svg onload=window.hacked=4><animate onbegin=window.hacked=5 attributeName=x dur=1s>",
  "javascript:window.hacked=6",
  "[a](javascript:window.hacked=7) ![x](data:text/html,<script>window.hacked=8</script>)",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is meant as text
  "{{constructor.constructor('window.hacked=9')()}} ${window.hacked=10} {@html '<img src=x onerror=window.hacked=11>'}",
  "\" autofocus onfocus=window.hacked=12 x=\" ' style='background:url(javascript:window.hacked=13)' `",
  "<iframe srcdoc='<script>parent.hacked=14</script>'></iframe><object data=javascript:parent.hacked=15>",
  "<style>@import url(//example.invalid/x)</style><base href=//example.invalid><form action=javascript:window.hacked=16><input autofocus>",
  "\u202e\u0000\u2028 __proto__ constructor",
].join("\n");

/** Fields whose values have a meaning for the page. */
const KEPT = [
  "type",
  "schema_version",
  "interpreter_state",
  "agent_type",
  "timestamp",
  "started_at",
  "finished_at",
  "status",
];

/** Puts the attack into every text, and into the names of whatever has names. */
function spoiled(value: unknown, key = ""): unknown {
  if (typeof value === "string") return KEPT.includes(key) ? value : `${ATTACK}${value}`;
  if (Array.isArray(value)) return value.map((one) => spoiled(one));
  if (typeof value !== "object" || value === null) return value;
  const named = ["budget_left", "limits", "seeds", "metrics"].includes(key);
  const entries = Object.entries(value).map(([name, one]) => [named ? `${ATTACK}${name}` : name, spoiled(one, name)]);
  return Object.fromEntries(entries);
}

/** Writes hostile copies of real traces and their results. Returns their folder. */
export function hostile(traces: string[]): string {
  const folder = join(FOLDER, "hostile <img src=x onerror=window.hacked=20>");
  for (const [index, path] of traces.entries()) {
    const to = join(folder, `results/<svg onload=window.hacked=21>/knapsack/knapsack-knapsack-${index}`);
    mkdirSync(dirname(to), { recursive: true });
    for (const ending of [".trace.json", ".json"]) {
      const file = path.replace(/\.trace\.json$/, ending);
      writeFileSync(`${to}${ending}`, JSON.stringify(spoiled(JSON.parse(readFileSync(file, "utf8")))));
    }
  }
  return folder;
}
