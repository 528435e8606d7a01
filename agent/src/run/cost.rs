//! What the answers of an episode cost.

use proto::trace::Trace;

use crate::config::Prices;

/// Tokens that a price is for.
const MILLION: f64 = 1e6;

/// The cost of the calls in a trace, in the currency of the prices. Answers that were kept from before cost nothing.
pub fn of(trace: &Trace, prices: &Prices) -> f64 {
    let calls = trace.responses().filter(|response| !response.cached);
    calls
        .map(|call| {
            let prompt = call.total_tokens.saturating_sub(call.completion_tokens);
            (prompt as f64 * prices.prompt + call.completion_tokens as f64 * prices.completion) / MILLION
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use proto::trace::{Event, EventKind, ModelResponse, Summary};

    use super::*;

    #[test]
    fn prompts_and_answers_have_their_prices() {
        let call = |cached| Event {
            kind: EventKind::ModelResponseEvent(ModelResponse {
                completion_tokens: 100,
                total_tokens: 1_100,
                cached,
                ..ModelResponse::default()
            }),
            timestamp: String::new(),
        };
        let trace = Trace {
            started_at: None,
            finished_at: None,
            provenance: None,
            summary: Summary::default(),
            events: vec![call(false), call(true), call(false)],
        };
        let prices = Prices { prompt: 2.0, completion: 10.0 };
        assert!((of(&trace, &prices) - 2.0 * (0.002 + 0.001)).abs() < 1e-12);
    }
}
