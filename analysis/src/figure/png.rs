//! Draws SVG as PNG with the built-in font, because a machine may have no fonts.

use std::sync::{Arc, LazyLock};

use anyhow::Context as _;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

/// Pixels of the PNG for each pixel of the figure, so that it is sharp on dense screens and in print.
const SCALE: f32 = 2.0;

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(include_bytes!("../../fonts/Inter-Regular.otf").to_vec());
    fonts.load_font_data(include_bytes!("../../fonts/Inter-SemiBold.otf").to_vec());
    fonts.set_sans_serif_family("Inter");
    Arc::new(fonts)
});

/// Draws an SVG.
///
/// # Errors
/// If it is not a valid SVG.
pub fn draw(svg: &str) -> anyhow::Result<Vec<u8>> {
    let options = Options { fontdb: FONTS.clone(), font_family: "Inter".into(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).context("a figure is no SVG")?;
    let size = tree.size();
    let pixels = |length: f32| (length * SCALE).round() as u32;
    let mut pixmap =
        Pixmap::new(pixels(size.width()), pixels(size.height())).context("a figure has no size")?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixmap.as_mut());
    pixmap.encode_png().context("encoding a figure")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::style;
    use crate::figure::svg::{Anchor, Svg};

    /// The number of dark pixels of a figure with this text.
    fn ink(class: &str, words: &str) -> usize {
        let mut svg = Svg::new(40.0);
        svg.words(class, Anchor::Start, [10.0, 25.0], words);
        let png = draw(&svg.text("", &style::file())).unwrap();
        let pixmap = Pixmap::decode_png(&png).unwrap();
        assert_eq!((pixmap.width(), pixmap.height()), (1920, 80));
        pixmap.pixels().iter().filter(|pixel| pixel.red() < 128).count()
    }

    #[test]
    fn words_are_drawn_without_a_font_of_the_machine() {
        assert_eq!(ink("", ""), 0);
        let (regular, bold) = (ink("", "missing variable"), ink("strong", "missing variable"));
        assert!(regular > 500 && bold > regular * 6 / 5, "{regular} {bold}");
        // Every character that figures use is in the font; a missing one would be drawn as a box.
        for character in "→−±·×≥≤[]%".chars() {
            assert_ne!(ink("", &character.to_string()), ink("", "\u{2603}"), "{character}");
        }
    }
}
