import { type DescField, type MessageInitShape, ScalarType } from "@bufbuild/protobuf";
import { type Duration, durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";

import { LimitsSchema, type Limits as Wire } from "./gen/runtime_gym/env/v1/env_pb.js";

type Name = Exclude<keyof Wire, `$${string}`>;

/** Limits of an episode, as `Limits` in env.proto says. Times are in seconds. */
export type Limits = { readonly [name in Name]: number };

/** Limits as a request has them. What is left out is the server's default. */
export function limitsToWire(limits: Partial<Limits>): MessageInitShape<typeof LimitsSchema> {
  return Object.fromEntries(
    LimitsSchema.fields.flatMap((field) => {
      const value = limits[field.localName as Name];
      return value === undefined ? [] : [[field.localName, toWire(field, value)]];
    }),
  );
}

/** Limits as an answer has them. */
export function limitsFromWire(wire: Wire): Limits {
  const fields = LimitsSchema.fields.map(({ localName }) => localName as Name);
  return Object.fromEntries(fields.map((name) => [name, fromWire(wire[name])])) as Limits;
}

function toWire(field: DescField, value: number): number | bigint | Duration {
  if (field.fieldKind === "message") return durationFromMs(value * 1000);
  return field.scalar === ScalarType.UINT64 ? BigInt(value) : value;
}

function fromWire(value: Wire[Name]): number {
  return typeof value === "object" ? durationMs(value) / 1000 : Number(value ?? 0);
}
