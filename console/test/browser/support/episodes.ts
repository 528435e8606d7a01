/** Real episodes: the scripted habits play tasks on a real server. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { FOLDER, ROOT, run, Server } from "./programs.ts";

/** Tasks that each agent plays. */
export const TASKS = 4;
/** The four cells of training and runtime; a scripted habit stands for the model. */
const CELLS = ["persistent", "reset"].flatMap((train) =>
  ["persistent", "reset"].map((runtime) => ({ train, runtime })),
);

/** The folder of a study: four cells, an agent that calls tools, and one whose state is lost now and then. */
export async function play(): Promise<string> {
  const [tasks, study] = [join(FOLDER, "tasks"), join(FOLDER, "a study")];
  await run("env-server", "generate", "--config", "task_configs/eval_easy.json", "--out", tasks);
  await using server = await Server.start("env-server", "serve", "--tasks", tasks, "--listen", "127.0.0.1:0");
  const agent = (config: string) =>
    run(
      "agent",
      ...["run", "--config", config, "--tasks-root", tasks, "--env", server.url],
      ...["--max-examples", String(TASKS), "--output-dir", study],
    );
  for (const { train, runtime } of CELLS) await agent(`agent_configs/habits/${train}-habit_in_${runtime}.yaml`);
  mkdirSync(study, { recursive: true });
  for (const [name, config] of Object.entries(OTHERS)) {
    const file = join(FOLDER, `${name}.json`);
    writeFileSync(
      file,
      JSON.stringify({ output_dir: study, run_name: name, task_families: ["knapsack"], agents: [config] }),
    );
    await agent(file);
  }
  writeFileSync(join(study, "study.json"), JSON.stringify(MANIFEST));
  return study;
}

const PROMPT = { runtime: "hidden", detail: "brief", observation: "compact", hide_names: true };
const LIMITS = { max_turns: 30, max_tool_calls: 5, timeout_s: 300 };
const OTHERS = {
  lossy: {
    name: "lossy",
    agent_type: "codeact",
    persistent_state: true,
    state_loss: 0.3,
    ...LIMITS,
    prompt: PROMPT,
    llm: { backend: "scripted", model: "persistent-plain" },
  },
  react: {
    name: "react",
    agent_type: "react",
    persistent_state: false,
    ...LIMITS,
    llm: { backend: "scripted", model: "react" },
  },
};

/** What the program that runs studies writes. */
const MANIFEST = {
  format: "runtime_gym.study.v1",
  name: "habits",
  title: "Scripted habits in both runtimes",
  experiment: {},
  commit: "",
  machine: { processor: "", cores: 1, memory_bytes: 0, system: "" },
  programs: [],
  started_at: "2026-11-30T10:00:00Z",
  finished_at: "2026-11-30T10:01:00Z",
  stages: [],
  training: [],
  cells: CELLS.map(({ train, runtime }) => ({
    seed: 1,
    train,
    runtime,
    tasks: "easy",
    run: `${train}-habit_in_${runtime}`,
  })),
};

/** A study's results that are committed. */
export const RESULTS = join(ROOT, "docs/study/results.json");
