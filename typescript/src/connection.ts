import type { Interceptor, Transport } from "@connectrpc/connect";

/** A way to a server. */
export interface Connection {
  readonly transport: Transport;
  /** Ends what is open. Calls under way fail. */
  close(): void;
}

/** Adds a token to calls. */
export function bearer(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}
