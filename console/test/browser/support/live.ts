/** Real episodes on a real server, played by calls in JSON. */

import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { FOLDER, run, Server } from "./programs.ts";

/** A folder of tasks, made once. */
export async function tasks(): Promise<string> {
  made ??= run(
    "env-server",
    "generate",
    "--config",
    "task_configs/eval_easy.json",
    "--out",
    join(FOLDER, "tasks-live"),
  );
  await made;
  return join(FOLDER, "tasks-live");
}
let made: Promise<void> | undefined;

/** A file of tokens: agents' of the tenants `red`, `blue` and `green`, and an operator's. */
export function tokens(): string {
  const file = join(FOLDER, "tokens");
  const line = (token: string, rest: string) => `${createHash("sha256").update(token).digest("hex")} ${rest}\n`;
  writeFileSync(
    file,
    ["red", "blue", "green"].map((name) => line(name, `${name} agent`)).join("") + line("boss", "ops operator"),
  );
  return file;
}

/** Calls of a server, by the holder of a token. */
export class Player {
  readonly url: string;
  readonly #token: string;
  #tasks: string[] = [];

  constructor(url: string, token = "") {
    this.url = url;
    this.#token = token;
  }

  /** A server with tasks, and a player on it. */
  static async start(...options: string[]): Promise<{ server: Server; player: Player }> {
    const server = await Server.start(
      "env-server",
      "serve",
      "--tasks",
      await tasks(),
      "--listen",
      "127.0.0.1:0",
      "--any-limits",
      ...options,
    );
    return { server, player: new Player(server.url) };
  }

  // biome-ignore lint/suspicious/noExplicitAny: an answer in JSON
  async call(method: string, request: unknown): Promise<any> {
    const answer = await fetch(`${this.url}/runtime_gym.env.v1.EnvironmentService/${method}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(this.#token === "" ? {} : { authorization: `Bearer ${this.#token}` }),
      },
      body: JSON.stringify(request),
    });
    if (!answer.ok) throw new Error(`${method}: ${await answer.text()}`);
    return answer.json();
  }

  /** Creates an episode of one of the tasks. */
  async create(id: string, number = 0, state = number % 2 === 0 ? "PERSISTENT" : "RESET"): Promise<void> {
    if (this.#tasks.length === 0) {
      const { tasks } = await this.call("ListTasks", { pageSize: 1000 });
      this.#tasks = tasks.map((task: { taskId: string }) => task.taskId);
    }
    const taskId = this.#tasks[Math.floor(number / 2) % this.#tasks.length];
    await this.call("CreateEpisode", {
      taskRef: { taskId },
      episodeId: id,
      interpreterState: `INTERPRETER_STATE_${state}`,
      recordDefinitions: true,
      limits: { maxSteps: 1_000_000 },
      lease: "3600s",
    });
  }

  step(id: string, index: number, code: string) {
    return this.call("Step", { episodeId: id, stepIndex: String(index), code: { code } });
  }

  /** Takes steps of several episodes, again and again until it is told to stop, with pauses of milliseconds. Returns how many. */
  async play(ids: string[], signal: AbortSignal, steps: string[] = STEPS, pause = 0): Promise<number> {
    let taken = 0;
    const each = async (id: string) => {
      for (let index = 0; !signal.aborted; index++) {
        await this.step(id, index, steps[index % steps.length] ?? "");
        taken += 1;
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      }
    };
    await Promise.all(ids.map(each));
    return taken;
  }
}

/** What an agent might write, mistakes among it. */
export const STEPS = [
  "import json\nids = json.loads(list_items())\nprint(len(ids))",
  "total = 0\nfor item in ids[:2]:\n    total += len(item)\nprint(total)",
  'seen = {item: len(item) for item in ids}\nprint("seen", len(seen))',
  "print(missing)",
  "best = max(seen, key=seen.get)\nprint(best)",
];
