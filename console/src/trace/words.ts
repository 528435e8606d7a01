/** What a model wrote, taken apart. */
export interface Said {
  thoughts: string;
  /** What is neither thought nor the code that ran. */
  words: string;
}

const THOUGHTS = /<think>([\s\S]*?)(?:<\/think>|$)/g;

/** Takes an answer apart. `apart` are thoughts that the model's server told apart from the answer. */
export function said(answer: string, code: string | undefined, apart: string): Said {
  const thoughts = [apart.trim()];
  const rest = answer.replace(THOUGHTS, (_, thought: string) => {
    thoughts.push(thought.trim());
    return "";
  });
  return {
    thoughts: thoughts.filter((part) => part !== "").join("\n\n"),
    words: (code === undefined ? rest : withoutBlock(rest, code)).trim(),
  };
}

/** A text without the block of this code, and without its fences. */
function withoutBlock(text: string, code: string): string {
  const body = code.trim();
  const at = body === "" ? -1 : text.indexOf(body);
  if (at < 0) return text;
  const before = text.slice(0, at).replace(/```[^\n`]*\n[ \t\n]*$/, "");
  const after = text.slice(at + body.length).replace(/^[ \t\n]*```[^\n]*/, "");
  return [before.trim(), after.trim()].filter((part) => part !== "").join("\n\n");
}
