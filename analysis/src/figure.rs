//! Figures: SVG for the page and for files, and PNG.
//!
//! | module           | what                                                        |
//! |------------------|-------------------------------------------------------------|
//! | [`svg`]          | shapes and words, as text                                   |
//! | [`style`]        | the colours, light and dark, and the looks of every class   |
//! | [`axis`]         | scales and their ticks                                      |
//! | [`png`]          | SVG as pixels, with the font that is built in               |
//! | [`distribution`] | a histogram a cell                                          |
//! | [`survival`]     | episodes without a missing variable, over turns             |
//! | [`timeline`]     | every turn of every episode                                 |
//! | [`training`]     | the loss over steps                                         |

pub mod axis;
pub mod distribution;
pub mod png;
pub mod style;
pub mod survival;
pub mod svg;
pub mod timeline;
pub mod training;

use svg::Svg;

/// A figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its file's name without ending.
    pub name: String,
    /// What it shows, in words: the caption, and the text in its place for who cannot see it.
    pub caption: String,
    /// The drawing.
    pub svg: Svg,
}

impl Figure {
    /// As a part of the page, whose style sheet has the colours.
    pub fn inline(&self) -> String {
        self.svg.text(&self.caption, "")
    }

    /// As a file of its own, in the light colours.
    pub fn file(&self) -> String {
        self.svg.text(&self.caption, &style::file())
    }
}
