import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Code, ConnectError } from "@connectrpc/connect";

import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";

/**
 * A call that failed: the caller or the server is at fault. What an agent's code does wrong is no error, but part of an
 * {@link Observation}.
 */
export class RuntimeGymError extends Error {
  override readonly name = "RuntimeGymError";
  declare readonly cause: ConnectError;
  /** gRPC's status code. */
  readonly code: Code;
  /** The reason, for programs, such as `"STEP_CONFLICT"`: env.proto and docs/OPERATIONS.md name them. */
  readonly reason: string | undefined;
  /** The fields of the request that are at fault, such as `limits.max_steps`, with what is wrong with each. */
  readonly fields: Readonly<Record<string, string>>;
  /** Seconds to wait before the same call, if the server expects that it may then succeed. */
  readonly retryAfter: number | undefined;

  constructor(cause: ConnectError) {
    super(cause.message, { cause });
    const violations = cause.findDetails(BadRequestSchema).flatMap((request) => request.fieldViolations);
    const delay = cause.findDetails(RetryInfoSchema)[0]?.retryDelay;
    this.code = cause.code;
    this.reason = cause.findDetails(ErrorInfoSchema)[0]?.reason;
    this.fields = Object.fromEntries(violations.map(({ field, description }) => [field, description]));
    this.retryAfter = delay && durationMs(delay) / 1000;
  }
}
