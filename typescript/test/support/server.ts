import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const ROOT = join(import.meta.dirname, "../../..");
/** The server that cargo has built. */
export const PROGRAM = join(ROOT, "target/release/env-server");

/** A temporary folder, which goes with this process. */
export const FOLDER = mkdtempSync(join(tmpdir(), "runtime-gym-"));
process.on("exit", () => rmSync(FOLDER, { recursive: true }));

/** A task set of a few tasks. */
const TASKS = join(FOLDER, "tasks");

export class Server implements AsyncDisposable {
  readonly url: string;
  readonly #end: () => Promise<void>;

  private constructor(url: string, end: () => Promise<void>) {
    this.url = url;
    this.#end = end;
  }

  /** Starts the real server, and waits until it can be called. It ends with this process, however that ends. */
  static async start(...options: string[]): Promise<Server> {
    execFileSync(PROGRAM, ["generate", "--config", join(ROOT, "task_configs/tiny.json"), "--out", TASKS]);
    const listen = options.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
    const child = spawn(PROGRAM, ["serve", "--until-stdin-closes", "--tasks", TASKS, ...listen, ...options], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, RUNTIME_GYM_LOG: "error" },
    });
    const ended = once(child, "exit");
    const [greeting] = (await Promise.race([once(createInterface(child.stdout), "line"), ended])) as unknown[];
    const url = String(greeting).replace(/^listening on /, "");
    if (!url.startsWith("http") && !url.startsWith("unix:")) throw new Error(`env-server has not started: ${greeting}`);
    return new Server(url, async () => {
      child.stdin.end();
      await ended;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}
