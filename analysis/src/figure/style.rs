//! The colours, light and dark, and the style of every class.
//!
//! The hues are Okabe and Ito's, which are distinct for people with any colour vision. Everything that a
//! colour shows is also in words.

/// A colour: its name, its value on light paper, its value on dark paper.
type Colour = (&'static str, &'static str, &'static str);

/// Every colour.
pub const COLOURS: [Colour; 15] = [
    ("paper", "#ffffff", "#15191e"),
    ("ink", "#1d2730", "#e5e9ed"),
    ("muted", "#56636e", "#a6b1bb"),
    ("grid", "#e0e5e9", "#2d353d"),
    // Cells, by training and runtime.
    ("pp", "#0072b2", "#56b4e9"),
    ("pr", "#d55e00", "#ff8a4a"),
    ("rp", "#dd9a00", "#f3bd45"),
    ("rr", "#009e73", "#3fcfa4"),
    ("base", "#78838d", "#95a1ac"),
    ("other", "#a9589a", "#d58fc8"),
    // Turns.
    ("turn-o", "#d3dce3", "#3b4650"),
    ("turn-m", "#d55e00", "#ff8a4a"),
    ("turn-e", "#efc14f", "#d9a92f"),
    ("turn-n", "#56b4e9", "#56b4e9"),
    ("turn-c", "#1d2730", "#e5e9ed"),
];

/// The style of every class; `var(--name)` is a colour.
const LOOKS: &str = include_str!("../../templates/figure.css");

/// The style sheet of a figure in a file, with the light colours in place of variables.
pub fn file() -> String {
    let place = |css: String, (name, light, _): &Colour| css.replace(&format!("var(--{name})"), light);
    COLOURS.iter().fold(LOOKS.to_owned(), place)
}

/// The style sheet of the figures of a page, which follows the reader's choice of light or dark.
pub fn page() -> String {
    let set = |colour: fn(&Colour) -> &'static str| -> String {
        COLOURS.iter().map(|entry| format!("--{}:{};", entry.0, colour(entry))).collect()
    };
    let (light, dark) = (set(|entry| entry.1), set(|entry| entry.2));
    format!(
        ":root{{color-scheme:light dark;{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{LOOKS}"
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_file_has_no_variables_left() {
        assert!(!super::file().contains("var("), "{}", super::file());
    }
}
