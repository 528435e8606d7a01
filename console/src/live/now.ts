/** What the server counts, as it is now. */

import { count, flag, type Json, list, object, text } from "../trace/json.ts";

/** Quantiles of what happened in the last second, in seconds. */
export interface Quantiles {
  p50: number;
  p90: number;
  p99: number;
}

export interface Tenant {
  name: string;
  steps: number;
  fuel: number;
  /** Episodes that run. */
  running: number;
  /** Seconds that the steps of the episodes that are held ran. */
  ran: number;
}

export interface Amount {
  used: number;
  limit: number;
}

export interface Now {
  /** Milliseconds since 1970. */
  at: number;
  /** Seconds since the server started. */
  uptime: number;
  running: number;
  ended: number;
  /** The most that may run. */
  most: number;
  created: number;
  awake: number;
  hibernated: number;
  /** Steps that were taken since the server started. */
  steps: number;
  waiting: number;
  stepping: number;
  /** What waits for its next turn on a thread. */
  queue: number;
  queued: Quantiles | undefined;
  ran: Quantiles | undefined;
  outcomes: [kind: string, count: number][];
  ends: [reason: string, count: number][];
  tenants: Tenant[];
  memory: Amount;
  hibernation: Amount;
  connections: Amount | undefined;
  store: { used: number; queued: number; full: boolean } | undefined;
}

/** What a server is. */
export interface Server {
  version: string;
  commit: string;
  name: string;
  bootId: string;
  stores: boolean;
  /** A person may fork episodes and run code. */
  write: boolean;
  /** The caller may see hidden state. */
  private: boolean;
}

export function readServer(value: unknown, allowed: unknown): Server {
  const server = object(value);
  return {
    version: text(server.version),
    commit: text(server.commit),
    name: text(server.name),
    bootId: text(server.boot_id),
    stores: flag(server.stores),
    write: flag(object(allowed).write),
    private: flag(object(allowed).private),
  };
}

export function readNow(value: unknown): Now {
  const now = object(value);
  const latency = object(now.latency);
  const store = object(now.store);
  const connections = object(now.connections);
  return {
    at: count(now.at_ms),
    uptime: count(now.uptime_s),
    running: count(now.running),
    ended: count(now.ended),
    most: count(now.most),
    created: count(now.created),
    awake: count(now.awake),
    hibernated: count(now.hibernated),
    steps: count(now.steps),
    waiting: count(now.steps_waiting),
    stepping: count(now.steps_running),
    queue: count(now.queue),
    queued: quantiles(latency.queue),
    ran: quantiles(latency.run),
    outcomes: counts(object(now.outcomes)),
    ends: counts(object(now.ends)),
    tenants: list(now.tenants)
      .map(object)
      .map((one) => ({
        name: text(one.name),
        steps: count(one.steps),
        fuel: count(one.fuel),
        running: count(one.running),
        ran: count(one.run_s),
      }))
      .sort((a, b) => b.fuel - a.fuel),
    memory: amount(now.memory),
    hibernation: amount(now.hibernation),
    connections: "open" in connections ? { used: count(connections.open), limit: count(connections.most) } : undefined,
    store:
      "used" in store ? { used: count(store.used), queued: count(store.queued), full: flag(store.full) } : undefined,
  };
}

function amount(value: unknown): Amount {
  const { used, limit } = object(value);
  return { used: count(used), limit: count(limit) };
}

function quantiles(value: unknown): Quantiles | undefined {
  const of = object(value);
  if (count(of.count) === 0) return undefined;
  return { p50: count(of.p50_us) / 1e6, p90: count(of.p90_us) / 1e6, p99: count(of.p99_us) / 1e6 };
}

/** The counts, the highest first. */
function counts(value: Json): [string, number][] {
  return Object.entries(value)
    .map(([name, one]): [string, number] => [name.replaceAll("_", " "), count(one)])
    .sort((a, b) => b[1] - a[1]);
}
