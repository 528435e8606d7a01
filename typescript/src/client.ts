import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";

import { open } from "#connection";
import { type CallOptions, Calls, LEASE } from "./calls.js";
import type { Connection } from "./connection.js";
import { Episode } from "./episode.js";
import { RuntimeGymError } from "./error.js";
import {
  type CreateEpisodeRequestSchema,
  EnvironmentService,
  type GetServerInfoResponse,
  InterpreterState,
  Semantics,
  type TaskSummary,
} from "./gen/runtime_gym/env/v1/env_pb.js";
import { type Limits, limitsToWire } from "./limits.js";

const { method } = EnvironmentService;

export interface ConnectOptions {
  /** The token that says who calls. Unset: in Node that of the variable `RUNTIME_GYM_TOKEN`. */
  readonly token?: string;
  /** The most attempts of a call, 10 unless set. The waits between them add up to some 18 seconds, so that a server may restart. */
  readonly attempts?: number;
  /** Seconds that an attempt may take, 30 unless set; a step's own limit is added. */
  readonly deadline?: number;
}

export interface TasksOptions extends CallOptions {
  /** The task set; may be left out where the server has only one. */
  readonly set?: string;
  /** The most tasks, 1,000 unless set. */
  readonly limit?: number;
}

/** What is played: a task of a set, by its id; one that the server makes on the spot; or a whole task file. */
export type Task =
  | string
  | { readonly taskId: string; readonly set?: string }
  | { readonly family: string; readonly config: object; readonly seed: number | bigint; readonly salt?: string }
  | { readonly file: object };

export interface CreateOptions extends CallOptions {
  /** Whether Python's state survives from one step to the next. It is a property of the experiment, so it has no default. */
  readonly interpreterState: "persistent" | "reset";
  /** How a block of code is run: as a script, unless set. */
  readonly semantics?: "script" | "notebook";
  /** Limits other than the server's defaults. */
  readonly limits?: Partial<Limits>;
  /** Seeds what draws at random, Python's `random` among it. */
  readonly seed?: number | bigint;
  /** Seconds that the episode lives untouched. */
  readonly lease?: number;
  /** The chance, before each step, that a persistent interpreter's state is lost. */
  readonly stateLoss?: number;
  /** Whether steps tell which names they bound, with digests of their values. */
  readonly recordDefinitions?: boolean;
  /** The caller's own id: 1 to 128 of `[A-Za-z0-9._-]`. */
  readonly episodeId?: string;
}

/**
 * A server at `http://host:port`, `https://host:port` or, in Node, `unix:/path`. The connection is made at the first call. In
 * Node the variable `RUNTIME_GYM_CA` may name a file of roots, in PEM, that certificates are checked against.
 */
export function connect(url = "http://127.0.0.1:50051", { token, ...options }: ConnectOptions = {}): Client {
  return new Client(open(url, token), options);
}

/**
 * An environment server. A call that got no answer is repeated: ids and indexes let the server answer it without a second
 * effect. `using` closes the connection.
 */
export class Client implements Disposable {
  readonly #connection: Connection;
  readonly #calls: Calls;

  /** @internal Use {@link connect}. */
  constructor(connection: Connection, { attempts = 10, deadline = 30 }: ConnectOptions) {
    this.#connection = connection;
    this.#calls = new Calls(connection.transport, attempts, deadline);
  }

  /** For calls that this class has no method for, by Connect's `createClient(EnvironmentService, client.transport)`. */
  get transport(): Transport {
    return this.#connection.transport;
  }

  /** What the server is. */
  async info(options?: CallOptions): Promise<GetServerInfoResponse> {
    return this.#calls.call(method.getServerInfo, {}, options);
  }

  /** The first tasks of a family (`""`: of all) in a task set, in the server's order. */
  async tasks(family = "", { set = "", limit = 1000, ...options }: TasksOptions = {}): Promise<TaskSummary[]> {
    const tasks: TaskSummary[] = [];
    let pageToken = "";
    do {
      const pageSize = Math.min(limit - tasks.length, 1000);
      const page = await this.#calls.call(method.listTasks, { family, set, pageSize, pageToken }, options);
      tasks.push(...page.tasks);
      pageToken = page.nextPageToken;
    } while (pageToken && tasks.length < limit);
    return tasks;
  }

  /** Begins an episode. A server without room is asked again until a lease has passed. */
  async create(task: Task, { signal, ...options }: CreateOptions): Promise<Episode> {
    const episodeId = options.episodeId ?? (await this.#calls.newId({ signal }));
    const lease = options.lease ?? LEASE;
    for (let restarts = 1; ; restarts++) {
      const { bootId } = await this.#calls.server({ signal });
      try {
        const request = { ...wireCreate(task, options), episodeId, bootId };
        return Episode.created(this.#calls, await this.#calls.call(method.createEpisode, request, { signal, lease }));
      } catch (error) {
        // No step of the episode has been taken: it may begin on what is there now.
        const restarted = error instanceof RuntimeGymError && error.reason === "SERVER_RESTARTED";
        if (!restarted || restarts >= this.#calls.attempts) throw error;
        this.#calls.forgetServer();
      }
    }
  }

  /** An episode that is there, for example one that another process has begun. */
  async attach(episodeId: string, options?: CallOptions): Promise<Episode> {
    return Episode.found(this.#calls, await this.#calls.call(method.getEpisode, { episodeId }, options));
  }

  /**
   * Renews the leases of at most 1,000 episodes, for times in which no other call is made. Answers with the ids of those that
   * are not there any more.
   */
  async keepAlive(episodes: Iterable<Episode>, options?: CallOptions): Promise<string[]> {
    const episodeIds = Array.from(episodes, ({ id }) => id);
    return (await this.#calls.call(method.keepAlive, { episodeIds }, options)).unknownEpisodeIds;
  }

  /** Ends the connection. Episodes go on until they are closed, or their leases end. */
  close(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

type CreateRequest = MessageInitShape<typeof CreateEpisodeRequestSchema>;

function wireCreate(task: Task, options: Omit<CreateOptions, "signal">): CreateRequest {
  const { interpreterState, semantics, limits, seed, lease, stateLoss = 0, recordDefinitions = false } = options;
  return {
    task: wireTask(task),
    interpreterState: { persistent: InterpreterState.PERSISTENT, reset: InterpreterState.RESET }[interpreterState],
    ...(semantics && { semantics: { script: Semantics.SCRIPT, notebook: Semantics.NOTEBOOK }[semantics] }),
    ...(limits && { limits: limitsToWire(limits) }),
    ...(seed !== undefined && { seed: BigInt(seed) }),
    ...(lease !== undefined && { lease: durationFromMs(1000 * lease) }),
    stateLoss,
    recordDefinitions,
  };
}

function wireTask(task: Task): NonNullable<CreateRequest["task"]> {
  if (typeof task === "string") return { case: "taskRef", value: { taskId: task } };
  if ("taskId" in task) return { case: "taskRef", value: { set: task.set ?? "", taskId: task.taskId } };
  if ("file" in task) return { case: "taskJson", value: JSON.stringify(task.file) };
  const { family, config, seed, salt = "" } = task;
  const value = { family, configJson: JSON.stringify(config), seed: BigInt(seed), seedSalt: salt };
  return { case: "taskFromConfig", value };
}
