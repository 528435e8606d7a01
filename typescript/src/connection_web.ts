import { createGrpcWebTransport } from "@connectrpc/connect-web";

import { bearer, type Connection } from "./connection.js";

/** gRPC-Web by `fetch`, whose connections are the browser's. */
export function open(url: string, token?: string): Connection {
  const interceptors = token ? [bearer(token)] : [];
  return { transport: createGrpcWebTransport({ baseUrl: url, interceptors }), close: () => {} };
}
