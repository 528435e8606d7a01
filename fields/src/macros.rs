//! Readers made of lists.

/// Implements [`FromJson`](crate::FromJson) for a struct. Each field has the name of its key and says how it is read:
/// by a method of [`Fields`](crate::Fields): `required`, `or(default)` or `or_default`, or with a reader of its own,
/// `required_as(read)` or `or_as(default, read)`. Other keys are problems.
///
/// ```text
/// fields::object! { Llm { model: required, temperature: or(0.2), url: or_default } }
/// ```
#[macro_export]
macro_rules! object {
    ($type:ty { $($field:ident : $how:ident $(($($argument:expr),+))?),* $(,)? }) => {
        impl $type {
            /// The names of all keys.
            #[allow(dead_code)]
            pub(crate) const KEYS: &'static [&'static str] = &[$(stringify!($field)),*];
        }

        impl $crate::FromJson for $type {
            fn from_json(value: &::serde_json::Value, place: &$crate::Place<'_>) -> Option<Self> {
                let fields = $crate::Fields::new(value, place)?;
                // All keys are read before giving up, to report the problems of all.
                $(let $field = fields.$how(stringify!($field) $($(, $argument)+)?);)*
                fields.refuse_unknown();
                Some(Self { $($field: $field?),* })
            }
        }
    };
}

/// Implements [`FromJson`](crate::FromJson) for an enum whose values are words.
///
/// ```text
/// fields::words! { AgentType { "codeact" => Codeact, "react" => React } }
/// ```
#[macro_export]
macro_rules! words {
    ($type:ty { $($word:literal => $variant:ident),* $(,)? }) => {
        impl $crate::FromJson for $type {
            fn from_json(value: &::serde_json::Value, place: &$crate::Place<'_>) -> Option<Self> {
                match value.as_str() {
                    $(Some($word) => Some(Self::$variant),)*
                    _ => place.expected(&$crate::one_of(&[$($word),*]), value),
                }
            }
        }
    };
}

/// For [`words!`]: what is expected where only some words may stand.
#[doc(hidden)]
pub fn one_of(words: &[&str]) -> String {
    match words {
        [word] => (*word).to_owned(),
        words => format!("one of {}", words.join(", ")),
    }
}
