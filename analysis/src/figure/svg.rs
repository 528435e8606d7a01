//! Shapes and text as SVG. Their style is set by their class (see [`super::style`]).

use std::fmt::Write as _;

/// The width of every figure, in pixels.
pub const WIDTH: f64 = 960.0;

/// A drawing. Coordinates are pixels from the upper left.
#[derive(Clone, Debug)]
pub struct Svg {
    height: f64,
    body: String,
}

/// Which part of a text is at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

impl Svg {
    /// An empty drawing of this height.
    pub fn new(height: f64) -> Self {
        Self { height, body: String::new() }
    }

    /// A filled rectangle.
    pub fn rect(&mut self, class: &str, [x, y]: [f64; 2], [width, height]: [f64; 2]) {
        let (x, y, w, h) = (number(x), number(y), number(width), number(height));
        self.push(format_args!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"/>"));
    }

    /// A line.
    pub fn line(&mut self, class: &str, from: [f64; 2], to: [f64; 2]) {
        let [x1, y1, x2, y2] = [from[0], from[1], to[0], to[1]].map(number);
        self.push(format_args!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"));
    }

    /// A small ring.
    pub fn ring(&mut self, [x, y]: [f64; 2]) {
        let (x, y) = (number(x), number(y));
        self.push(format_args!("<circle class=\"ring\" cx=\"{x}\" cy=\"{y}\" r=\"5\"/>"));
    }

    /// A path; `data` is made with [`Path`].
    pub fn path(&mut self, class: &str, data: &Path) {
        if !data.0.is_empty() {
            self.push(format_args!("<path class=\"{class}\" d=\"{}\"/>", data.0));
        }
    }

    /// Text on one line, with its baseline at `y`.
    pub fn words(&mut self, class: &str, anchor: Anchor, [x, y]: [f64; 2], text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (x, y, text) = (number(x), number(y), escape(text));
        self.push(format_args!(
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x}\" y=\"{y}\">{text}</text>"
        ));
    }

    /// Text along a vertical axis, with its middle at `y`.
    pub fn upright(&mut self, class: &str, [x, y]: [f64; 2], text: &str) {
        let (x, y, text) = (number(x), number(y), escape(text));
        self.push(format_args!(
            "<text class=\"{class}\" text-anchor=\"middle\" transform=\"translate({x} {y}) rotate(-90)\">{text}</text>"
        ));
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "{element}");
    }

    /// The whole SVG, with this description and style sheet.
    pub fn text(&self, description: &str, style: &str) -> String {
        let (width, height) = (number(WIDTH), number(self.height));
        let style = if style.is_empty() { String::new() } else { format!("<style>{style}</style>\n") };
        format!(
            "<svg class=\"figure\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">\n{style}<rect class=\"paper\" \
             width=\"{width}\" height=\"{height}\"/>\n{}</svg>\n",
            escape(description),
            self.body
        )
    }
}

/// The data of a path.
#[derive(Clone, Debug, Default)]
pub struct Path(String);

impl Path {
    /// Adds straight lines through these points.
    pub fn through(points: impl IntoIterator<Item = [f64; 2]>) -> Self {
        let mut path = Self::default();
        for (index, [x, y]) in points.into_iter().enumerate() {
            path.add(if index == 0 { 'M' } else { 'L' }, x, y);
        }
        path
    }

    /// Adds a closed rectangle.
    pub fn rect(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2]) {
        self.add('M', x, y);
        let (width, height) = (number(width), number(height));
        let _ = write!(self.0, "h{width}v{height}h-{width}z");
    }

    fn add(&mut self, command: char, x: f64, y: f64) {
        let _ = write!(self.0, "{command}{} {}", number(x), number(y));
    }
}

/// A number with at most two decimals, so that the text is small and the same on every machine.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_words_escaped() {
        assert_eq!((number(1.0), number(-0.001), number(2.505)), ("1".into(), "0".into(), "2.5".into()));
        let mut svg = Svg::new(10.0);
        svg.words("m", Anchor::End, [1.0, 2.0], "a < \"b\" & c");
        assert!(svg.text("d", "").contains(">a &lt; &quot;b&quot; &amp; c</text>"));
        assert_eq!(Path::through([[0.0, 1.0], [2.5, 3.0]]).0, "M0 1L2.5 3");
    }
}
