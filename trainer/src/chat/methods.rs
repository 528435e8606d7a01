//! Python's methods of strings, lists, tuples and dictionaries: those of minijinja-contrib, and what templates use
//! beyond them.

use minijinja::value::{Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

/// Calls a method that minijinja itself does not know.
pub fn call(state: &mut State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let own = match value.kind() {
        ValueKind::String => of_string(value.as_str().unwrap_or_default(), method, args)?,
        ValueKind::Seq => of_sequence(value, method, args)?,
        ValueKind::Map if method == "copy" && args.is_empty() => Some(value.clone()),
        _ => None,
    };
    match own {
        Some(result) => Ok(result),
        None => pycompat::unknown_method_callback(state, value, method, args),
    }
}

fn of_sequence(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    match method {
        "copy" => from_args::<()>(args).map(|()| Some(value.clone())),
        "index" => {
            let (wanted,): (&Value,) = from_args(args)?;
            let place = value.try_iter()?.position(|item| item == *wanted);
            place.map(|place| Some(Value::from(place))).ok_or_else(|| missing(wanted))
        }
        _ => Ok(None),
    }
}

fn of_string(text: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let answer = match method {
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "partition" => {
            let (separator,): (&str,) = from_args(args)?;
            let (before, after) = text.split_once(separator).map_or((text, None), |(a, b)| (a, Some(b)));
            let separator = if after.is_some() { separator } else { "" };
            tuple([before, separator, after.unwrap_or_default()])
        }
        "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            let (before, after) = text.rsplit_once(separator).map_or((None, text), |(a, b)| (Some(a), b));
            let separator = if before.is_some() { separator } else { "" };
            tuple([before.unwrap_or_default(), separator, after])
        }
        "split" | "rsplit" => {
            let (separator, most): (Option<&str>, Option<i64>) = from_args(args)?;
            let most = usize::try_from(most.unwrap_or(-1)).unwrap_or(usize::MAX - 1);
            split(text, separator, most, method == "rsplit")?.into_iter().map(Value::from).collect()
        }
        "find" | "index" | "rfind" | "rindex" | "count" | "startswith" | "endswith" => {
            let (wanted, start, end): (&Value, Option<i64>, Option<i64>) = from_args(args)?;
            return search(text, method, wanted, start, end);
        }
        "casefold" => Value::from(none(args).map(|()| text.to_lowercase().replace('ß', "ss"))?),
        "swapcase" => none(args).map(|()| text.chars().map(swapped).collect::<String>().into())?,
        "title" => Value::from(none(args).map(|()| title(text))?),
        "splitlines" => {
            let (keep,): (Option<bool>,) = from_args(args)?;
            lines(text, keep.unwrap_or(false)).into_iter().map(Value::from).collect()
        }
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+'])));
            let width = width.saturating_sub(sign.len());
            Value::from(format!("{sign}{digits:0>width$}"))
        }
        "center" | "ljust" | "rjust" => {
            let (width, fill): (usize, Option<char>) = from_args(args)?;
            let missing = width.saturating_sub(text.chars().count());
            let left = match method {
                "ljust" => 0,
                "rjust" => missing,
                _ => missing / 2 + (missing & width & 1),
            };
            let pad = |count| fill.unwrap_or(' ').to_string().repeat(count);
            Value::from(format!("{}{text}{}", pad(left), pad(missing - left)))
        }
        "expandtabs" => {
            let (width,): (Option<usize>,) = from_args(args)?;
            Value::from(without_tabs(text, width.unwrap_or(8)))
        }
        "isdecimal" | "isdigit" => none(args).map(|()| all(text, |c| c.is_ascii_digit()))?,
        "isidentifier" => {
            let starts = text.starts_with(|c: char| c.is_alphabetic() || c == '_');
            none(args).map(|()| (starts && text.chars().all(|c| c.is_alphanumeric() || c == '_')).into())?
        }
        "isprintable" => none(args).map(|()| text.chars().all(|c| !c.is_control()).into())?,
        "istitle" => {
            let cased = text.chars().any(|c| c.is_uppercase() || c.is_lowercase());
            none(args).map(|()| (cased && title(text) == text).into())?
        }
        "encode" => return Err(Error::new(ErrorKind::UnknownMethod, "templates have no bytes")),
        _ => return Ok(None),
    };
    Ok(Some(answer))
}

/// `find` and its like in `text[start:end]`; positions count characters.
fn search(
    text: &str,
    method: &str,
    wanted: &Value,
    start: Option<i64>,
    end: Option<i64>,
) -> Result<Option<Value>, Error> {
    let characters: Vec<char> = text.chars().collect();
    let length = characters.len() as i64;
    let place = |index: i64| if index < 0 { (index + length).max(0) } else { index.min(length) } as usize;
    let (start, end) = (place(start.unwrap_or(0)), place(end.unwrap_or(length)));
    let part: String = characters.get(start..end).unwrap_or_default().iter().collect();
    let any = |holds: fn(&str, &str) -> bool| -> Result<bool, Error> {
        if let Some(wanted) = wanted.as_str() {
            return Ok(holds(&part, wanted));
        }
        let mut found = false;
        for one in wanted.try_iter()? {
            found |= holds(&part, one.as_str().ok_or_else(|| missing(&one))?);
        }
        Ok(found)
    };
    match method {
        "startswith" => return Ok(Some(any(|part, wanted| part.starts_with(wanted))?.into())),
        "endswith" => return Ok(Some(any(|part, wanted| part.ends_with(wanted))?.into())),
        _ => {}
    }
    let word = wanted.as_str().ok_or_else(|| missing(wanted))?;
    if method == "count" {
        return Ok(Some(part.matches(word).count().into()));
    }
    let found = if method.starts_with('r') { part.rfind(word) } else { part.find(word) };
    match found {
        Some(byte) => Ok(Some((start + part[..byte].chars().count()).into())),
        None if method.ends_with("index") => Err(missing(wanted)),
        None => Ok(Some((-1).into())),
    }
}

/// `split` and `rsplit`, at most `most` times; without a separator at any whitespace.
fn split(text: &str, separator: Option<&str>, most: usize, right: bool) -> Result<Vec<String>, Error> {
    let owned = |parts: Vec<&str>| parts.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let Some(separator) = separator else {
        let mut parts = vec![];
        let mut rest = if right { text.trim_end() } else { text.trim_start() };
        while !rest.is_empty() {
            let cut = if right { rest.rfind(char::is_whitespace) } else { rest.find(char::is_whitespace) };
            let Some(cut) = cut.filter(|_| parts.len() < most) else { break };
            let (before, after) = rest.split_at(cut);
            rest = if right {
                parts.push(after.trim_start());
                before.trim_end()
            } else {
                parts.push(before);
                after.trim_start()
            };
        }
        // What remains after the last cut keeps its whitespace, except at the cut.
        parts.extend((!rest.is_empty()).then_some(rest));
        if right {
            parts.reverse();
        }
        return Ok(owned(parts));
    };
    if separator.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "empty separator"));
    }
    if !right {
        return Ok(owned(text.splitn(most.saturating_add(1), separator).collect()));
    }
    let mut parts: Vec<&str> = text.rsplitn(most.saturating_add(1), separator).collect();
    parts.reverse();
    Ok(owned(parts))
}

/// Lines, which end in `\n`, `\r` or both.
fn lines(text: &str, keep: bool) -> Vec<String> {
    let mut lines = vec![];
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let after = if rest[end..].starts_with("\r\n") { end + 2 } else { (end + 1).min(rest.len()) };
        lines.push(rest[..if keep { after } else { end }].to_owned());
        rest = &rest[after..];
    }
    lines
}

fn title(text: &str) -> String {
    let mut inside = false;
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match inside {
            true => out.extend(character.to_lowercase()),
            false => out.extend(character.to_uppercase()),
        }
        inside = character.is_alphabetic();
    }
    out
}

fn without_tabs(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for character in text.chars() {
        match character {
            '\t' if width > 0 => {
                let spaces = width - column % width;
                out.push_str(&" ".repeat(spaces));
                column += spaces;
            }
            '\t' => {}
            _ => {
                out.push(character);
                column = if matches!(character, '\n' | '\r') { 0 } else { column + 1 };
            }
        }
    }
    out
}

fn swapped(character: char) -> String {
    match character.is_uppercase() {
        true => character.to_lowercase().collect(),
        false => character.to_uppercase().collect(),
    }
}

fn all(text: &str, holds: fn(char) -> bool) -> Value {
    (!text.is_empty() && text.chars().all(holds)).into()
}

fn tuple(parts: [&str; 3]) -> Value {
    Value::from(Tuple::from(parts.map(Value::from)))
}

fn none(args: &[Value]) -> Result<(), Error> {
    from_args(args)
}

fn missing(wanted: &Value) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{wanted} is not found, or not text"))
}
