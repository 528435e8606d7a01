import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Passes TCP connections on to a server, and can break them. */
export class TcpProxy implements Disposable {
  /** Connections that were made. */
  connections = 0;
  /** What reaches the other side: everything, only what the client sends, or nothing. */
  passes: "all" | "requests" | "nothing" = "all";
  readonly #listener: Server;
  readonly #open = new Set<Socket>();

  private constructor(target: URL) {
    this.#listener = createServer((client) => {
      this.connections += 1;
      const server = connect(Number(target.port), target.hostname);
      client.on("data", (bytes) => this.passes === "nothing" || server.write(bytes));
      server.on("data", (bytes) => this.passes !== "all" || client.write(bytes));
      for (const [socket, other] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#open.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          this.#open.delete(socket);
          other.destroy();
        });
      }
    });
  }

  static async before(url: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(url));
    proxy.#listener.listen(0, "127.0.0.1");
    await once(proxy.#listener, "listening");
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#listener.address() as AddressInfo).port}`;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#open.size / 2;
  }

  /** Breaks all connections. New ones are whole. */
  cut(): void {
    this.passes = "all";
    for (const socket of this.#open) socket.destroy();
  }

  [Symbol.dispose](): void {
    this.cut();
    this.#listener.close();
  }
}
