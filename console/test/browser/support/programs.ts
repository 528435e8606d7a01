/** Programs that cargo has built. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

export const ROOT = join(import.meta.dirname, "../../../..");
/** A temporary folder, which goes with this process. */
export const FOLDER = mkdtempSync(join(tmpdir(), "runtime-gym-console-"));
process.on("exit", () => rmSync(FOLDER, { recursive: true }));

const program = (name: string) => join(ROOT, "target/release", name);

/** Runs a program to its end. */
export async function run(name: string, ...args: string[]): Promise<void> {
  await promisify(execFile)(program(name), args, { cwd: ROOT });
}

/** A program that serves until it is ended, which says `listening on URL` first. */
export class Server implements AsyncDisposable {
  readonly url: string;
  readonly #end: () => Promise<void>;

  private constructor(url: string, end: () => Promise<void>) {
    this.url = url;
    this.#end = end;
  }

  static async start(name: string, ...args: string[]): Promise<Server> {
    const child = spawn(program(name), args, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, RUNTIME_GYM_LOG: "error" },
    });
    process.on("exit", () => child.kill());
    const ended = once(child, "exit");
    const [greeting] = (await Promise.race([once(createInterface(child.stdout), "line"), ended])) as unknown[];
    const url = /^listening on (http\S+)$/.exec(String(greeting))?.[1];
    if (url === undefined) throw new Error(`${name} has not started: ${greeting}`);
    return new Server(url, async () => {
      child.stdin.end();
      child.kill("SIGINT");
      await ended;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}
