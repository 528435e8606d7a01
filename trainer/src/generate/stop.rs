//! Strings that end an answer.

/// Passes text on up to the first stop string, and holds back text that may be the beginning of one.
pub struct Stopper {
    stops: Vec<String>,
    held: String,
}

impl Stopper {
    pub fn new(stops: Vec<String>) -> Self {
        Self { stops, held: String::new() }
    }

    /// Adds text. Returns the text that can be passed on, and the stop string that follows it, if one
    /// occurred.
    pub fn push(&mut self, new: &str) -> (String, Option<String>) {
        self.held.push_str(new);
        let met = self.stops.iter().filter_map(|stop| self.held.find(stop).map(|place| (place, stop)));
        if let Some((place, stop)) = met.min_by_key(|(place, _)| *place) {
            let stop = stop.clone();
            self.held.truncate(place);
            return (std::mem::take(&mut self.held), Some(stop));
        }
        let rest = self.held.split_off(self.held.len() - self.longest_beginning());
        (std::mem::replace(&mut self.held, rest), None)
    }

    /// The text held back, at the end of the answer.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// The length in bytes of the longest end of the held text that is the beginning of a stop string.
    fn longest_beginning(&self) -> usize {
        let beginning = |stop: &String| {
            let ends = stop.char_indices().map(|(end, _)| end).rev();
            ends.take_while(|end| *end > 0).find(|end| self.held.ends_with(&stop[..*end])).unwrap_or(0)
        };
        self.stops.iter().map(beginning).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (Vec<String>, Option<String>) {
        let mut stopper = Stopper::new(stops.iter().map(|stop| (*stop).to_owned()).collect());
        let mut out = vec![];
        for piece in pieces {
            let (text, stop) = stopper.push(piece);
            out.push(text);
            if stop.is_some() {
                return (out, stop);
            }
        }
        out.push(stopper.finish());
        (out, None)
    }

    #[test]
    fn text_is_held_back_only_while_it_may_be_a_stop() {
        assert_eq!(
            run(&["</code>"], &["a </co", "de", "> b"]),
            (vec!["a ".into(), "".into(), "".into()], Some("</code>".into()))
        );
        assert_eq!(run(&["</code>"], &["a </co", "lor>"]).0, ["a ", "</color>", ""]);
        assert_eq!(run(&["xy", "abc"], &["zab", "xy"]), (vec!["z".into(), "ab".into()], Some("xy".into())));
        assert_eq!(run(&["aab"], &["aaa", "ab"]), (vec!["a".into(), "a".into()], Some("aab".into())));
        assert_eq!(run(&["ü!"], &["ü", "?"]).0, ["", "ü?", ""]);
        // The beginning of a stop string is passed on at the end; the earliest of several stop strings
        // counts.
        assert_eq!(run(&["END"], &["x EN"]).0, ["x ", "EN"]);
        assert_eq!(run(&["c", "b"], &["abcd"]), (vec!["a".into()], Some("b".into())));
        assert_eq!(run(&[], &["abc"]).0, ["abc", ""]);
    }
}
