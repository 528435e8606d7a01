/** What the address after `#` says: which view, of what, at which turn. */

export type Route =
  | { view: "list"; query: URLSearchParams }
  | { view: "episode"; id: string; turn: number }
  | { view: "compare"; ids: string[]; turn: number }
  | { view: "fork"; of: string; id: string; turn: number }
  | { view: "now"; query: URLSearchParams }
  | { view: "study"; id: string };

/** Most episodes side by side. */
export const MOST_COMPARED = 4;

/** The route of an address's hash. What it does not understand is the list. */
export function readRoute(hash: string): Route {
  const [path = "", search = ""] = split(hash.replace(/^#\/?/, ""), "?");
  const [view = "", id = ""] = split(path, "/");
  const query = new URLSearchParams(search);
  const turn = Math.max(1, Math.floor(Number(query.get("turn"))) || 1);
  const ids = query.getAll("t").filter((one) => one !== "");
  if (view === "episode" && id !== "") return { view, id: decoded(id), turn };
  if (view === "study" && id !== "") return { view, id: decoded(id) };
  if (view === "compare" && ids.length > 0) return { view, ids: ids.slice(0, MOST_COMPARED), turn };
  const [of, fork] = [query.get("of") ?? "", query.get("id") ?? ""];
  if (view === "fork" && of !== "" && fork !== "") return { view, of, id: fork, turn };
  if (view === "now") return { view, query };
  return { view: "list", query };
}

export function episodeLink(id: string, turn = 1): string {
  return `#/episode/${encodeURIComponent(id)}${turn > 1 ? `?turn=${turn}` : ""}`;
}

export function compareLink(ids: string[], turn = 1): string {
  const query = new URLSearchParams(ids.map((id) => ["t", id]));
  if (turn > 1) query.set("turn", String(turn));
  return `#/compare?${query}`;
}

/** A fork beside the episode that it was made of, before a turn. */
export function forkLink(of: string, id: string, turn: number): string {
  return `#/fork?${new URLSearchParams({ of, id, turn: String(turn) })}`;
}

export function studyLink(id: string): string {
  return `#/study/${encodeURIComponent(id)}`;
}

export function listLink(query: Record<string, string>, place = ""): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return search === "" ? `#/${place}` : `#/${place}?${search}`;
}

/** The live episodes. */
export function nowLink(query: Record<string, string> = {}): string {
  return listLink(query, "now");
}

/** A text before and after the first sign. */
function split(text: string, sign: string): [string, string] {
  const at = text.indexOf(sign);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
