import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";

import { type CallOptions, type Calls, LEASE } from "./calls.js";
import { RuntimeGymError } from "./error.js";
import {
  type CloseEpisodeResponse,
  type CreateEpisodeResponse,
  EndReason,
  EnvironmentService,
  type EpisodeSummary,
  type Evaluation,
  type GetEpisodeResponse,
  InterpreterState,
  type Observation,
  Semantics,
  type StepInfo,
  type StepRequestSchema,
  type StepResponse,
  type TaskSummary,
  type Tool,
} from "./gen/runtime_gym/env/v1/env_pb.js";
import { type Limits, limitsFromWire } from "./limits.js";

const { method } = EnvironmentService;

/** What an agent does in a step: a block of Python, or tool calls, which are made in order without the interpreter. */
export type Action = string | readonly ToolCall[];

/** A call of a tool, with an array of positional arguments, an object of those by keyword, or what a model wrote as text. */
export interface ToolCall {
  readonly name: string;
  readonly arguments: unknown;
}

/** The answer to a step; `reward`, `terminated` and `truncated` are as Gymnasium defines them. */
export type Step = StepResponse & { observation: Observation; info: StepInfo };

/** The answer to a close. */
export type Closed = CloseEpisodeResponse & { evaluation: Evaluation };

export interface ForkOptions extends CallOptions {
  /** The index of the copies' next steps: they stand where the episode did before that step. Unset: where it stands now. */
  readonly atStepIndex?: number;
  /** The copies' ids, instead of new ones. */
  readonly ids?: readonly string[];
}

/** What an agent is told at the beginning, and what holds. Copies have it from their source. */
interface Beginning {
  /** The task in words, for a model to read. */
  readonly goal: string;
  /** The task's public data. */
  readonly publicData: unknown;
  /** The functions that the agent's code can call. */
  readonly tools: readonly Tool[];
  /** The limits in force. */
  readonly limits: Limits;
}

/** An episode on a server. `await using` closes it. Its steps are taken one after the other: await each. */
export class Episode implements Beginning, AsyncDisposable {
  readonly id: string;
  readonly task: TaskSummary;
  readonly goal: string;
  readonly publicData: unknown;
  readonly tools: readonly Tool[];
  readonly limits: Limits;
  readonly interpreterState: "persistent" | "reset";
  readonly semantics: "script" | "notebook";
  readonly seed: bigint;
  /** Seconds that the episode lives untouched. */
  readonly lease: number;
  /** The index of the next step. */
  nextStepIndex: number;
  ended: boolean;
  /** Why it ended. */
  endReason: EndReason;
  /** How well the task was solved, once the episode has ended. */
  evaluation: Evaluation | undefined;
  readonly #calls: Calls;
  #closed: Closed | undefined;

  private constructor(calls: Calls, standing: CreateEpisodeResponse | EpisodeSummary, beginning: Beginning) {
    this.#calls = calls;
    this.id = standing.episodeId;
    this.task = present(standing.task);
    this.goal = beginning.goal;
    this.publicData = beginning.publicData;
    this.tools = beginning.tools;
    this.limits = beginning.limits;
    this.interpreterState = standing.interpreterState === InterpreterState.RESET ? "reset" : "persistent";
    this.semantics = standing.semantics === Semantics.NOTEBOOK ? "notebook" : "script";
    this.seed = standing.seed;
    this.lease = durationMs(present(standing.lease?.duration)) / 1000;
    const stands = "nextStepIndex" in standing ? standing : undefined;
    this.nextStepIndex = Number(stands?.nextStepIndex ?? 0);
    this.ended = stands?.ended ?? false;
    this.endReason = stands?.endReason ?? EndReason.UNSPECIFIED;
  }

  /** @internal */
  static created(calls: Calls, answer: CreateEpisodeResponse): Episode {
    return new Episode(calls, answer, beginning(answer));
  }

  /** @internal */
  static found(calls: Calls, answer: GetEpisodeResponse): Episode {
    const episode = new Episode(calls, present(answer.episode), beginning(answer));
    episode.evaluation = answer.evaluation;
    return episode;
  }

  /**
   * Takes one action. What the agent does wrong is in the answer's observation. After an error such as `Code.Unavailable` the
   * step may have been taken or not: call again with the same action, and it is taken once.
   */
  async step(action: Action, options: CallOptions = {}): Promise<Step> {
    const request = { episodeId: this.id, stepIndex: BigInt(this.nextStepIndex), action: wireAction(action) };
    const patience = { ...options, longer: this.limits.wallClockPerStep, lease: LEASE };
    const answer = await this.#calls.call(method.step, request, patience);
    const [observation, info] = [present(answer.observation), present(answer.info)];
    this.nextStepIndex = Number(answer.stepIndex) + 1;
    if (answer.terminated || answer.truncated) this.#end(answer);
    return Object.assign(answer, { observation, info });
  }

  /** Copies the episode, interpreter and hidden state, into new ones that go their own ways. */
  async fork(count = 1, { ids, atStepIndex, ...options }: ForkOptions = {}): Promise<Episode[]> {
    const newIds = async () => Promise.all(Array.from({ length: count }, () => this.#calls.newId(options)));
    const request = {
      episodeId: this.id,
      newEpisodeIds: [...(ids ?? (await newIds()))],
      ...(atStepIndex !== undefined && { atStepIndex: BigInt(atStepIndex) }),
    };
    const { episodes } = await this.#calls.call(method.forkEpisode, request, options);
    return episodes.map((summary) => new Episode(this.#calls, summary, this));
  }

  /** Ends the episode, and evaluates it. May be called again. */
  async close(options?: CallOptions): Promise<Closed> {
    if (this.#closed) return this.#closed;
    const answer = await this.#calls.call(method.closeEpisode, { episodeId: this.id }, options);
    this.#closed = Object.assign(answer, { evaluation: present(answer.evaluation) });
    this.#end(answer);
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #end({ endReason, evaluation }: { endReason: EndReason; evaluation?: Evaluation | undefined }): void {
    Object.assign(this, { ended: true, endReason, evaluation });
  }
}

function beginning({ observation, limits }: CreateEpisodeResponse | GetEpisodeResponse): Beginning {
  const { goal, publicJson, tools } = present(observation);
  return { goal, publicData: JSON.parse(publicJson), tools, limits: limitsFromWire(present(limits)) };
}

function wireAction(action: Action): NonNullable<MessageInitShape<typeof StepRequestSchema>["action"]> {
  if (typeof action === "string") return { case: "code", value: { code: action } };
  const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  return {
    case: "toolCalls",
    value: { calls: action.map((call) => ({ name: call.name, argumentsJson: text(call.arguments) })) },
  };
}

/** What every answer of a server has. */
function present<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new RuntimeGymError(new ConnectError("the server's answer is not complete", Code.Internal));
  }
  return value;
}
