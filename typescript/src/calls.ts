import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";

import { RuntimeGymError } from "./error.js";
import { EnvironmentService, type GetServerInfoResponse } from "./gen/runtime_gym/env/v1/env_pb.js";

/** Seconds of an episode's lease, unless its request says otherwise. */
export const LEASE = 900;
/** Seconds after the end of its lease for which an abandoned episode may still have its place. */
const BEYOND_LEASE = 30;

/** Seconds before the second attempt, which double with each further one; the most of them; and what chance adds. */
const WAIT = { first: 0.075, most: 4, jitter: 0.25 };

/** What transports say where a connection was lost, or an answer was cut off. */
const LOST = new Set([Code.Unknown, Code.Canceled, Code.Internal, Code.Aborted, Code.InvalidArgument]);

/** How a call is made. Times are in seconds. */
export interface CallOptions {
  /** Gives the call up. Whether it took effect is then unknown. */
  readonly signal?: AbortSignal | undefined;
}

interface Patience extends CallOptions {
  /** What an attempt may take beyond the client's deadline. */
  readonly longer?: number;
  /** The call is repeated while the server has no room or quota for it, until a lease of this length has ended. */
  readonly lease?: number;
}

/** Calls to a server that survive a lost answer: ids and indexes in the requests make it safe to repeat them. */
export class Calls {
  #server: GetServerInfoResponse | undefined;

  /** A call is attempted up to `attempts` times, and an attempt takes up to `deadline` seconds. */
  constructor(
    readonly transport: Transport,
    readonly attempts: number,
    readonly deadline: number,
  ) {}

  /** Makes a call, and repeats it while the server can't be reached. */
  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    init: MessageInitShape<I>,
    { signal, longer = 0, lease }: Patience = {},
  ): Promise<MessageShape<O>> {
    const request = create(method.input, init);
    toBinary(method.input, request); // throws if a field can't hold its value
    const roomBy = lease === undefined ? 0 : performance.now() + 1000 * (lease + BEYOND_LEASE);
    for (let lost = 0, refused = 0; ; ) {
      try {
        return await this.#attempt(method, request, this.deadline + longer, signal);
      } catch (reason) {
        signal?.throwIfAborted();
        const error = new RuntimeGymError(ConnectError.from(reason));
        let wait: number;
        if (isUnreachable(error.cause)) {
          if (++lost >= this.attempts) throw error;
          wait = backoff(lost);
        } else if (error.code === Code.ResourceExhausted && performance.now() < roomBy) {
          lost = 0;
          wait = backoff(++refused);
        } else {
          throw error;
        }
        await sleep(Math.max(wait, error.retryAfter ?? 0), signal);
      }
    }
  }

  /** The deadline is the client's alone: a step whose answer comes too late goes on, and is answered when it is sent again. */
  async #attempt<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I> & MessageInitShape<I>,
    deadline: number,
    signal?: AbortSignal,
  ): Promise<MessageShape<O>> {
    const late = new AbortController();
    const reason = new ConnectError(`the server did not answer within ${deadline} s`, Code.DeadlineExceeded);
    const timer = setTimeout(() => late.abort(reason), 1000 * deadline);
    try {
      const either = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
      return (await this.transport.unary(method, either, undefined, undefined, request)).message;
    } finally {
      clearTimeout(timer);
    }
  }

  /** What the server was when it was asked last. */
  async server(options?: CallOptions): Promise<GetServerInfoResponse> {
    this.#server ??= await this.call(EnvironmentService.method.getServerInfo, {}, options);
    return this.#server;
  }

  /** The server is to be asked again. */
  forgetServer(): void {
    this.#server = undefined;
  }

  /** A new id for an episode: chosen here, so that the request may be repeated. */
  async newId(options?: CallOptions): Promise<string> {
    const { serverName } = await this.server(options);
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const rest = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return serverName ? `${serverName}.${rest}` : rest;
  }
}

/** Whether the server could not be reached: there is no connection, it was lost, or no answer came in time. */
function isUnreachable({ code, metadata }: ConnectError): boolean {
  if (code === Code.Unavailable || code === Code.DeadlineExceeded) return true;
  const answered = metadata.has("grpc-status");
  return !answered && LOST.has(code);
}

/** Seconds to wait after a number of failures. */
function backoff(failures: number): number {
  return Math.min(WAIT.first * 2 ** (failures - 1), WAIT.most) + WAIT.jitter * Math.random();
}

function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, 1000 * seconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
