/** Files that a person drops on the page or chooses. */

import type { Place } from "./messages.ts";

export interface NamedFile {
  /** Its path below what was dropped. */
  path: string;
  file: File;
}

const TRACE = ".trace.json";

/** The episodes among files: traces, with their results where these are beside them. */
export function places(files: NamedFile[]): Place[] {
  const byPath = new Map(files.map(({ path, file }) => [path, file]));
  return files.flatMap(({ path, file }) => {
    const name = path.split("/").at(-1) ?? "";
    if (!name.endsWith(TRACE) || name.startsWith(".")) return [];
    const id = path.slice(0, -TRACE.length);
    return [{ id, trace: file, result: byPath.get(`${id}.json`) }];
  });
}

/** The files of a drop, with those in dropped folders. */
export async function dropped(data: DataTransfer): Promise<NamedFile[]> {
  const entries = [...data.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  if (entries.length === 0) return chosen(data.files);
  return (await Promise.all(entries.map((entry) => below(entry)))).flat();
}

/** The files of a chooser. */
export function chosen(files: Iterable<File>): NamedFile[] {
  return [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

async function below(entry: FileSystemEntry): Promise<NamedFile[]> {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ path, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const files: NamedFile[] = [];
  // A reader gives some entries at a time, and none at its end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return files;
    files.push(...(await Promise.all(some.map(below))).flat());
  }
}
