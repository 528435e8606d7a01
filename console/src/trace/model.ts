/** An episode as the page shows it. */

/** `persistent` or `reset`; empty where no Python ran, or the trace does not say. */
export type State = "persistent" | "reset" | "";

/** The outcome of a turn. The letters are those of `analysis`. */
export type Outcome = "o" | "m" | "e" | "n" | "c";

export interface Tokens {
  /** What the model was sent. */
  prompt: number;
  /** What the model wrote. */
  written: number;
  total: number;
  /** The counts are estimates. */
  estimated: boolean;
}

/** Why a turn failed. */
export interface Failure {
  /** The exception's class, the kind of another error, or `not run`. */
  kind: string;
  /** The error's text without its last line. */
  before: string;
  last: string;
  /** The line of the turn's code that failed, from 1. */
  line?: number;
  /** The name that was not defined. */
  missingName?: string;
}

/** What a step did to a name. */
export type Fate =
  /** It was bound for the first time. */
  | "new"
  /** It was bound again after it was gone. */
  | "again"
  /** It was bound to another value. */
  | "changed"
  /** It was bound to an equal value. */
  | "same"
  /** It was not bound. A change inside its value is not seen. */
  | "kept"
  /** The code deleted it. */
  | "deleted";

export interface Name {
  name: string;
  fate: Fate;
  /** With `again`: the value is equal to the one that it had. */
  equal: boolean;
}

/** The names before and after a step. */
export interface Names {
  /** Lost before the step, with the interpreter's state. */
  lost: string[];
  /** At the end of the step, in order, and those that it deleted. */
  names: Name[];
  /** Those at its end are gone before the next step, by the reset. */
  taken: boolean;
}

/** Where a missing name was bound. */
export interface Missing {
  name: string;
  /** The last turn that bound it, from 1; none if no turn did. */
  turn?: number;
  /** Why it is gone, in words. */
  why: string;
}

/** A call of a tool and its answer. */
export interface Call {
  tool: string;
  arguments: string;
  answer: string;
  failed: boolean;
}

/** Something that an episode or a step has a limited amount of. */
export interface Budget {
  name: string;
  /** Used by this turn, if that is known. */
  here?: number;
  /** Used so far; by this turn alone, if each step has its own. */
  used?: number;
  /** Left after the turn; none without a limit. */
  left?: number;
  ofStep?: boolean;
  isTime?: boolean;
}

export interface Turn {
  /** From 1. */
  number: number;
  outcome: Outcome;
  thoughts: string;
  /** What the model wrote beside its code. */
  words: string;
  code: string;
  calls: Call[];
  /** The model called the tools itself; there is no code. */
  callsTools: boolean;
  output: string;
  errorOutput: string;
  failure?: Failure;
  missing?: Missing;
  /** The interpreter's state was lost before this step. */
  stateLost: boolean;
  /** None where no code ran, or the trace does not record names. */
  names?: Names;
  budgets: Budget[];
  tokens: Tokens;
  /** Estimate of the written tokens that bind names again: see `rewritten.ts`. */
  rewritten: number;
  /** Tokens of the prompt that the call before had. */
  seen?: number;
  cached: boolean;
  /** Why the answer ended, if not by itself. */
  cut?: string;
  modelSeconds?: number;
  stepSeconds?: number;
}

export interface Episode {
  taskId: string;
  family: string;
  /** SHA-256 of the task's public data; empty if it is not known. */
  taskSha256: string;
  agent: string;
  model: string;
  state: State;
  /** The model calls tools itself (ReAct). */
  callsTools: boolean;
  semantics: string;
  /** Probability that a persistent interpreter's state is lost before a step. */
  stateLoss: number;
  task: string;
  systemPrompts: string[];
  finishReason: string;
  /** Errors of the machinery around the agent. */
  errors: string[];
  tokens: Tokens;
  seconds?: number;
  startedAt: string;
  /** Versions, seeds and limits, as pairs of words. */
  facts: [name: string, value: string][];
  turns: Turn[];
}

/** How an episode ended, from the file beside its trace. */
export interface Result {
  failed: boolean;
  error: string;
  solved?: boolean;
  score?: number;
  metrics: [name: string, value: string][];
}

export const OUTCOMES: Record<Outcome, string> = {
  o: "ran",
  m: "missing variable",
  e: "other error",
  n: "nothing ran",
  c: "answer cut off",
};
