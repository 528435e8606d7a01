/** Which part of a block binds names again that had been bound before: what is written twice. */

/**
 * Estimates how many of a turn's written tokens bind these names again: the share of the answer's text that is in
 * statements, outside of loops and conditions, which do nothing else.
 */
export function rewritten(answer: string, code: string, again: Set<string>, writtenTokens: number): number {
  if (again.size === 0 || answer === "") return 0;
  let length = 0;
  for (const statement of statements(code)) {
    const names = boundBy(statement);
    if (names.length > 0 && names.every((name) => again.has(name))) length += statement.length;
  }
  return Math.round((writtenTokens * Math.min(length, answer.length)) / answer.length);
}

/** What can hide a line's end or the sign of an assignment: strings, comments, brackets; and the ends themselves. */
const TOKENS =
  /"""(?:\\[\s\S]|[^\\])*?(?:"""|$)|'''(?:\\[\s\S]|[^\\])*?(?:'''|$)|"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?|#[^\n]*|\\\n|[([{]|[)\]}]|\n/g;

/** The statements of a code that are in no other one, each with all its lines. The code need not be correct. */
export function statements(code: string): string[] {
  const starts = [0];
  let depth = 0;
  for (const token of code.matchAll(TOKENS)) {
    const [sign = ""] = token;
    if (/^[([{]$/.test(sign)) depth += 1;
    else if (/^[)\]}]$/.test(sign)) depth = Math.max(0, depth - 1);
    else if (sign === "\n" && depth === 0) {
      const next = token.index + 1;
      // An indented line, an empty one and a comment belong to the statement before; a decorator to the one after.
      const isDecorated =
        code.startsWith("@", starts.at(-1)) && /^(?:def|class|async|@)/.test(code.slice(next, next + 6));
      if (/[^\s#]/.test(code[next] ?? " ") && !isDecorated) starts.push(next);
    }
  }
  return starts.map((start, index) => code.slice(start, starts[index + 1]).trimEnd());
}

const NAME = "[\\p{L}_][\\p{L}\\p{N}_]*";
const DEFINITION = new RegExp(`^(?:@[\\s\\S]*?\\n)?(?:async\\s+)?(?:def|class)\\s+(${NAME})`, "u");
/** Names, perhaps with a type, before a single equals sign. */
const TARGETS = new RegExp(`^(${NAME}(?:\\s*,\\s*${NAME})*)\\s*(?::[^=\\n]+)?=(?!=)\\s*`, "u");

/** The names that a statement binds, if that is all it does. */
export function boundBy(statement: string): string[] {
  const defined = DEFINITION.exec(statement)?.[1];
  if (defined !== undefined) return [defined];
  if (/^(?:from|import)\s/.test(statement)) return imported(statement);
  const names: string[] = [];
  let rest = statement;
  for (let match = TARGETS.exec(rest); match; match = TARGETS.exec(rest)) {
    names.push(...(match[1] ?? "").split(",").map((name) => name.trim()));
    rest = rest.slice(match[0].length);
  }
  return names;
}

/** The names that an import binds: the last name of each part, or the first of a dotted one. */
function imported(statement: string): string[] {
  const text = statement.replace(/#[^\n]*|[()\\\s]+/g, " ");
  const list = /^from .*? import (.*)$/.exec(text)?.[1] ?? /^import (.*)$/.exec(text)?.[1] ?? "";
  return list
    .split(",")
    .map((part) => part.trim())
    .filter((part) => /^[\p{L}\p{N}_. ]+$/u.test(part))
    .map((part) => / as (.+)$/.exec(part)?.[1] ?? part.split(".")[0] ?? "");
}
