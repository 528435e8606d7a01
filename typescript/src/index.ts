/// <reference lib="esnext.disposable" preserve="true" />

/**
 * Episodes for language-model agents that act by writing Python, on servers of Runtime Gym: by gRPC in Node, by gRPC-Web
 * in a browser.
 *
 * @module
 */

export { Code } from "@connectrpc/connect";
export type { CallOptions } from "./calls.js";
export { Client, type ConnectOptions, type CreateOptions, connect, type Task, type TasksOptions } from "./client.js";
export { type Action, type Closed, Episode, type ForkOptions, type Step, type ToolCall } from "./episode.js";
export { RuntimeGymError } from "./error.js";
export {
  EndReason,
  ErrorKind,
  type Evaluation,
  type GetServerInfoResponse as ServerInfo,
  type Observation,
  type StepInfo,
  type TaskSummary,
  type Tool,
  type ToolCallRecord,
} from "./gen/runtime_gym/env/v1/env_pb.js";
export type { Limits } from "./limits.js";
