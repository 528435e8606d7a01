//! The names of spans and their attributes, in one place.
//!
//! They are those of OpenTelemetry's semantic conventions, and, for what these do not know, names that begin with
//! `runtime_gym.`.

/// The version of the conventions for generative AI (open-telemetry/semantic-conventions-genai).
pub const GEN_AI_CONVENTIONS: &str = "0.1.0";
/// The attribute of the instrumentation scope that holds it.
pub const GEN_AI_CONVENTIONS_VERSION: &str = "runtime_gym.gen_ai_conventions";

/// A class of failures: the status of a call, the kind of an error. Never a message.
pub const ERROR_TYPE: &str = "error.type";

/// `grpc`.
pub const RPC_SYSTEM: &str = "rpc.system.name";
/// Service and method, as in `runtime_gym.env.v1.EnvironmentService/Step`.
pub const RPC_METHOD: &str = "rpc.method";
/// The status's code, as in `NOT_FOUND`.
pub const RPC_STATUS: &str = "rpc.response.status_code";

/// As in `POST`.
pub const HTTP_METHOD: &str = "http.request.method";
/// The path, with the names of its parameters.
pub const HTTP_ROUTE: &str = "http.route";
/// The status's code.
pub const HTTP_STATUS: &str = "http.response.status_code";

/// What is done: one of the three below.
pub const OPERATION: &str = "gen_ai.operation.name";
/// An agent plays an episode.
pub const INVOKE_AGENT: &str = "invoke_agent";
/// A model is asked.
pub const CHAT: &str = "chat";
/// A model's action is run.
pub const EXECUTE_TOOL: &str = "execute_tool";
/// Who offers the model.
pub const PROVIDER: &str = "gen_ai.provider.name";
/// The agent's name in its config.
pub const AGENT: &str = "gen_ai.agent.name";
/// The episode's id.
pub const CONVERSATION: &str = "gen_ai.conversation.id";
/// The model's name.
pub const MODEL: &str = "gen_ai.request.model";
/// The temperature of the sampling.
pub const TEMPERATURE: &str = "gen_ai.request.temperature";
/// The most new tokens.
pub const MAX_TOKENS: &str = "gen_ai.request.max_tokens";
/// The seed of the sampling.
pub const SEED: &str = "gen_ai.request.seed";
/// Tokens of the prompt.
pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Tokens of the answer.
pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// Why the answer ends where it does: a list of one.
pub const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
/// `python`, or `tools` for calls of tools without the interpreter.
pub const TOOL: &str = "gen_ai.tool.name";

/// The span of a step on the environment server.
pub const STEP: &str = "runtime_gym.step";
/// `persistent` or `reset`.
pub const INTERPRETER_STATE: &str = "runtime_gym.interpreter_state";
/// The step's index.
pub const STEP_INDEX: &str = "runtime_gym.step_index";
/// How a step ended, as in the metric `steps_total`.
pub const OUTCOME: &str = "runtime_gym.outcome";
/// Why a call was refused or failed, as in its status's details.
pub const REASON: &str = "runtime_gym.reason";
/// Interpreter fuel of a step.
pub const FUEL_USED: &str = "runtime_gym.fuel_used";
/// Seconds that a step waited before it ran.
pub const QUEUE_SECONDS: &str = "runtime_gym.queue_seconds";
/// Seconds that it ran.
pub const RUN_SECONDS: &str = "runtime_gym.run_seconds";
/// Whether the interpreter's state was lost before a step.
pub const STATE_LOST: &str = "runtime_gym.state_lost";
/// Whether a step's stored answer was told again.
pub const REPEATED: &str = "runtime_gym.repeated";
/// Who owns the episode.
pub const TENANT: &str = "runtime_gym.tenant";
/// The task's family.
pub const FAMILY: &str = "runtime_gym.family";
/// How an episode ended, as in the agent's traces.
pub const END: &str = "runtime_gym.end";
/// Whether the model's answer was given before, and kept.
pub const CACHED: &str = "runtime_gym.cached";
