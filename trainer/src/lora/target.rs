//! The matrices of a layer.

use serde::{Deserialize, Serialize};

/// A matrix of a layer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the names are the model's
pub enum Target {
    QProj,
    KProj,
    VProj,
    OProj,
    GateProj,
    UpProj,
    DownProj,
}

fields::words! {
    Target {
        "q_proj" => QProj,
        "k_proj" => KProj,
        "v_proj" => VProj,
        "o_proj" => OProj,
        "gate_proj" => GateProj,
        "up_proj" => UpProj,
        "down_proj" => DownProj,
    }
}

impl Target {
    /// Every matrix of a layer: PEFT's "all-linear".
    pub const ALL: [Self; 7] =
        [Self::QProj, Self::KProj, Self::VProj, Self::OProj, Self::GateProj, Self::UpProj, Self::DownProj];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::QProj => "q_proj",
            Self::KProj => "k_proj",
            Self::VProj => "v_proj",
            Self::OProj => "o_proj",
            Self::GateProj => "gate_proj",
            Self::UpProj => "up_proj",
            Self::DownProj => "down_proj",
        }
    }
}
