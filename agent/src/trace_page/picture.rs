//! The picture of an episode: one bar for each turn, as high as its tokens.

use serde::Serialize;

use crate::view::Turn;
use crate::view::words::count;

/// Heights and widths in the picture's own units, which are pixels where it is not scaled.
const HEIGHT: f64 = 104.0;
const GAP: f64 = 4.0;
const WIDEST: f64 = 860.0;

/// The picture.
#[derive(Clone, Debug, Serialize)]
pub struct Picture {
    width: f64,
    height: f64,
    /// The tokens of the highest bar.
    most: u64,
    bars: Vec<Bar>,
}

/// A turn in the picture.
#[derive(Clone, Debug, Serialize)]
struct Bar {
    number: u64,
    x: f64,
    width: f64,
    /// The height of the tokens that the model was sent, and of those that it wrote.
    sent: f64,
    written: f64,
    failed: bool,
    state_lost: bool,
    /// The turn in words.
    title: String,
    /// Whether its number is shown.
    is_labelled: bool,
}

impl Picture {
    /// The turns of an episode; `None` if it has none.
    pub fn of(turns: &[Turn]) -> Option<Self> {
        let most = turns.iter().map(|turn| turn.tokens.total_tokens).max()?;
        let step = (WIDEST / turns.len() as f64).clamp(14.0, 44.0);
        let unit = HEIGHT / most.max(1) as f64;
        // A number is at most three digits wide.
        let labelled = if step < 22.0 { 5 } else { 1 };
        let bars = turns.iter().enumerate().map(|(place, turn)| Bar {
            number: turn.number,
            x: place as f64 * step + GAP / 2.0,
            width: step - GAP,
            sent: turn.tokens.prompt_tokens as f64 * unit,
            written: turn.tokens.completion_tokens as f64 * unit,
            failed: turn.failure.is_some(),
            state_lost: turn.state_lost,
            title: title(turn),
            is_labelled: turn.number == 1 || turn.number.is_multiple_of(labelled),
        });
        Some(Self { width: turns.len() as f64 * step, height: HEIGHT, most, bars: bars.collect() })
    }
}

fn title(turn: &Turn) -> String {
    let tokens = format!(
        "turn {}: {} sent, {} written",
        turn.number,
        count(turn.tokens.prompt_tokens, "token"),
        count(turn.tokens.completion_tokens, "token")
    );
    match &turn.failure {
        Some(failure) => format!("{tokens}; {}: {}", failure.kind, failure.last),
        None => tokens,
    }
}

#[cfg(test)]
mod tests {
    use proto::trace::TokenUsage;

    use super::*;

    #[test]
    fn bars_are_as_high_as_their_tokens() {
        let turn = |number, prompt_tokens, completion_tokens| Turn {
            number,
            tokens: TokenUsage {
                prompt_tokens,
                completion_tokens,
                total_tokens: prompt_tokens + completion_tokens,
                estimated: false,
            },
            ..Turn::default()
        };
        let picture = Picture::of(&[turn(1, 30, 10), turn(2, 50, 30)]).unwrap();
        let heights: Vec<(f64, f64)> = picture.bars.iter().map(|bar| (bar.sent, bar.written)).collect();
        assert_eq!(picture.most, 80);
        assert_eq!(heights, [(HEIGHT * 0.375, HEIGHT * 0.125), (HEIGHT * 0.625, HEIGHT * 0.375)]);
        let many: Vec<Turn> = (1..=100).map(|number| turn(number, 0, 0)).collect();
        let picture = Picture::of(&many).unwrap();
        assert_eq!(
            picture.bars.iter().filter(|bar| bar.is_labelled).count(),
            21,
            "the first, and every fifth"
        );
        assert!(Picture::of(&[]).is_none());
    }
}
