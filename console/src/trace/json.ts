/** Values of files that strangers may have written: each function accepts anything and never throws. */

export type Json = Record<string, unknown>;

/** An object; an empty one in place of anything else. */
export function object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

/** A list; an empty one in place of anything else. */
export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text; `otherwise` in place of anything else. */
export function text(value: unknown, otherwise = ""): string {
  return typeof value === "string" ? value : otherwise;
}

/** A text that is not empty, or nothing. */
export function someText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A finite number, or nothing. */
export function someNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** A number that is not negative; 0 in place of anything else. */
export function count(value: unknown): number {
  return Math.max(0, someNumber(value) ?? 0);
}

/** Only `true` is true. */
export function flag(value: unknown): boolean {
  return value === true;
}

/** The texts of a list. */
export function texts(value: unknown): string[] {
  return list(value).filter((one) => typeof one === "string");
}
