import { readFileSync } from "node:fs";
import type { SecureClientSessionOptions } from "node:http2";
import { connect } from "node:net";

import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import { bearer, type Connection } from "./connection.js";

/** Milliseconds between two pings of a connection in use, and those that an answer may take: a server may vanish silently. */
const KEEP_ALIVE = 20_000;
const CONNECT = 10_000;

/** gRPC over HTTP/2, made at the first call. An open connection does not keep the process from ending. */
export function open(url: string, token = process.env.RUNTIME_GYM_TOKEN?.trim()): Connection {
  const [baseUrl, options] = address(url);
  const sessionManager = new Http2SessionManager(
    baseUrl,
    { pingIntervalMs: KEEP_ALIVE, pingTimeoutMs: KEEP_ALIVE, connectTimeoutMs: CONNECT },
    options,
  );
  const interceptors = token ? [bearer(token)] : [];
  return {
    transport: createGrpcTransport({ baseUrl, sessionManager, interceptors }),
    close: () => sessionManager.abort(),
  };
}

/** What HTTP/2 takes for a URL: Unix sockets have none. */
function address(url: string): [string, SecureClientSessionOptions] {
  if (url.startsWith("unix:")) {
    const path = url.slice("unix:".length).replace(/^\/\//, "");
    return ["http://localhost", { createConnection: () => connect(path) }];
  }
  const roots = process.env.RUNTIME_GYM_CA;
  return [url, roots && url.startsWith("https:") ? { ca: readFileSync(roots) } : {}];
}
