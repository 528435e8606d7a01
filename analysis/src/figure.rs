//! Figures: SVG for the page and for files, and PNG.
//!
//! | module           | what it holds                                             |
//! |------------------|-----------------------------------------------------------|
//! | [`svg`]          | shapes and text as SVG                                    |
//! | [`style`]        | the colours, light and dark, and the style of every class |
//! | [`axis`]         | scales and their ticks                                    |
//! | [`png`]          | SVG drawn as PNG, with the built-in font                  |
//! | [`distribution`] | a histogram for each cell                                 |
//! | [`learning`]     | what a policy's episodes were like while it learnt        |
//! | [`survival`]     | episodes without a missing variable, over turns           |
//! | [`timeline`]     | every turn of every episode                               |
//! | [`training`]     | the loss over steps                                       |

pub mod axis;
pub mod distribution;
pub mod learning;
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
    /// The name of its file, without the ending.
    pub name: String,
    /// The caption, which is also the text for readers who cannot see the figure.
    pub caption: String,
    /// The drawing.
    pub svg: Svg,
}

impl Figure {
    /// SVG for the page, whose style sheet has the colours.
    pub fn inline(&self) -> String {
        self.svg.text(&self.caption, "")
    }

    /// SVG for a file, with the light colours.
    pub fn file(&self) -> String {
        self.svg.text(&self.caption, &style::file())
    }
}
