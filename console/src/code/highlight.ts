/** Python in pieces that are coloured. It need not be correct. */

import { classHighlighter, highlightCode } from "@lezer/highlight";
import { parser } from "@lezer/python";

export interface Piece {
  text: string;
  /** The classes of the piece; empty for plain text. */
  classes: string;
}

/** Longer code is not coloured. */
const MOST = 100_000;

/** The lines of a code, each in pieces; together they are the code, without its line ends. */
export function highlight(code: string): Piece[][] {
  const lines: Piece[][] = [[]];
  const put = (text: string, classes: string) => {
    if (text !== "") lines.at(-1)?.push({ text, classes });
  };
  if (code.length > MOST) return code.split("\n").map((text) => [{ text, classes: "" }]);
  highlightCode(code, parser.parse(code), classHighlighter, put, () => lines.push([]));
  return lines;
}
