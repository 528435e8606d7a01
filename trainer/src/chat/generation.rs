//! transformers' `{% generation %}` blocks, by which a template marks the text that the model generates.
//!
//! As in transformers, a block is a call block: it has its own variables, and its text is printed. On request it is
//! printed between two marks.

use minijinja::value::Kwargs;
use minijinja::{Error, State, Value, context};

/// The function that the blocks call.
pub const FUNCTION: &str = "_generation";

/// The variable that holds the marks.
const MARKS: &str = "_generation_marks";

/// The variables of a rendering whose blocks are marked.
pub fn variables(marks: [char; 2]) -> Value {
    context! { _generation_marks => marks.map(String::from).to_vec() }
}

/// Prints a block, between the marks if there are any.
pub fn mark(state: &mut State<'_, '_>, block: Kwargs) -> Result<Value, Error> {
    let caller: Value = block.get("caller")?;
    let text = caller.call(state, &[])?;
    Ok(match state.lookup(MARKS) {
        Some(marks) if marks.len() == Some(2) => {
            let [start, end] = [0, 1].map(|index| marks.get_item_by_index(index).unwrap_or_default());
            Value::from_safe_string(format!("{start}{text}{end}"))
        }
        _ => text,
    })
}

/// The template with call blocks in place of its generation blocks.
pub fn translate(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else { break };
        let tag = &rest[start..start + length + 2];
        out.push_str(&rest[..start]);
        match tag.trim_matches(|c: char| "{}%-+".contains(c) || c.is_whitespace()) {
            "generation" => out.push_str(&tag.replace("generation", &format!("call {FUNCTION}()"))),
            "endgeneration" => out.push_str(&tag.replace("endgeneration", "endcall")),
            _ => out.push_str(tag),
        }
        rest = &rest[start + length + 2..];
    }
    out + rest
}
