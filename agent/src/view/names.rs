//! Names in the interpreter after each step: which are new or have another value, and which are gone.

use std::collections::HashMap;

use proto::interpreter_state::InterpreterState;
use proto::trace::StepInfo;
use serde::Serialize;

/// A name after a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Name {
    /// The name.
    pub name: String,
    /// What the step did to it.
    pub fate: Fate,
}

/// What a step did to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It was bound for the first time.
    New,
    /// It was bound again after it was gone.
    Again,
    /// It was bound to another value.
    Changed,
    /// It was bound to an equal value.
    Same,
    /// It was not bound. A change inside its value is not seen.
    Kept,
    /// The code deleted it.
    Deleted,
}

/// The names before and after a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Those that were lost before the step, with the interpreter's state.
    pub lost: Vec<String>,
    /// Those at the end of the step, in order, and those that it deleted.
    pub names: Vec<Name>,
    /// Whether those at the end of the step are gone before the next one, by the reset.
    pub taken: bool,
}

/// Where a missing name was bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The name.
    pub name: String,
    /// The last turn that bound it, from 1.
    pub turn: u64,
    /// Why it is gone, in words.
    pub why: &'static str,
}

/// The names of an episode so far.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Those in the interpreter, in order.
    alive: Vec<String>,
    /// All that were ever bound.
    bound: HashMap<String, Bound>,
}

#[derive(Clone, Debug, Default)]
struct Bound {
    /// The last turn that bound it.
    turn: u64,
    /// Digest of the value, if it is known.
    digest: Option<String>,
    /// Whether it was in the interpreter when the state was lost.
    lost: bool,
}

impl Names {
    /// What a step did.
    pub fn after(&mut self, turn: u64, info: &StepInfo, state: InterpreterState) -> Change {
        let mut change = Change { taken: !state.is_persistent(), ..Change::default() };
        if info.state_lost {
            change.lost = std::mem::take(&mut self.alive);
            for name in &change.lost {
                self.bound.entry(name.clone()).or_default().lost = true;
            }
        }
        let before = std::mem::take(&mut self.alive);
        let defined = |name: &str| info.definitions.iter().find(|one| one.name == name);
        let now: Vec<String> = if state.is_persistent() {
            info.globals.clone()
        } else {
            // Nothing else can be there at the end of a step.
            let mut names: Vec<String> = info.definitions.iter().map(|one| one.name.clone()).collect();
            names.sort();
            names
        };
        for name in &now {
            let digest = defined(name).map(|one| one.digest.clone());
            let fate = match (self.bound.get(name), before.contains(name), &digest) {
                (None, ..) => Fate::New,
                (Some(_), false, _) => Fate::Again,
                (Some(_), true, None) => Fate::Kept,
                (Some(bound), true, digest) if bound.digest == *digest => Fate::Same,
                (Some(_), true, Some(_)) => Fate::Changed,
            };
            if fate != Fate::Kept {
                self.bound.insert(name.clone(), Bound { turn, digest, lost: false });
            }
            change.names.push(Name { name: name.clone(), fate });
        }
        let deleted = before.iter().filter(|name| !now.contains(name));
        change.names.extend(deleted.map(|name| Name { name: name.clone(), fate: Fate::Deleted }));
        if state.is_persistent() {
            self.alive = now;
        }
        change
    }

    /// Where a name that is missing now was bound; `None` if it never was.
    pub fn missing(&self, name: &str, state: InterpreterState) -> Option<Missing> {
        let bound = self.bound.get(name)?;
        let why = match state {
            InterpreterState::Reset => "the reset after that step took it away",
            InterpreterState::Persistent if bound.lost => "it was lost with the interpreter's state",
            InterpreterState::Persistent => "it was deleted since then",
        };
        Some(Missing { name: name.to_owned(), turn: bound.turn, why })
    }
}

#[cfg(test)]
mod tests {
    use proto::trace::Definition;

    use super::*;

    fn info(globals: &[&str], definitions: &[(&str, &str)]) -> StepInfo {
        let definition =
            |(name, digest): &(&str, &str)| Definition { name: (*name).into(), digest: (*digest).into() };
        StepInfo {
            globals: globals.iter().map(|name| (*name).to_owned()).collect(),
            definitions: definitions.iter().map(definition).collect(),
            ..StepInfo::default()
        }
    }

    fn fates(change: &Change) -> Vec<(&str, Fate)> {
        change.names.iter().map(|name| (name.name.as_str(), name.fate)).collect()
    }

    #[test]
    fn a_persistent_interpreter_keeps_names_until_they_are_deleted_or_lost() {
        let state = InterpreterState::Persistent;
        let mut names = Names::default();
        let first = names.after(1, &info(&["a", "b"], &[("a", "1"), ("b", "1")]), state);
        assert_eq!(fates(&first), [("a", Fate::New), ("b", Fate::New)]);
        assert!(!first.taken);
        let second = names.after(2, &info(&["a", "b", "c"], &[("a", "2"), ("b", "1"), ("c", "1")]), state);
        assert_eq!(fates(&second), [("a", Fate::Changed), ("b", Fate::Same), ("c", Fate::New)]);
        let third = names.after(3, &info(&["a", "b"], &[]), state);
        assert_eq!(fates(&third), [("a", Fate::Kept), ("b", Fate::Kept), ("c", Fate::Deleted)]);
        let missing =
            |names: &Names, name: &str| names.missing(name, state).map(|missing| (missing.turn, missing.why));
        assert_eq!(missing(&names, "c"), Some((2, "it was deleted since then")));

        let lossy = StepInfo { state_lost: true, ..info(&["b"], &[("b", "1")]) };
        let fourth = names.after(4, &lossy, state);
        assert_eq!(fourth.lost, ["a", "b"]);
        assert_eq!(fates(&fourth), [("b", Fate::Again)]);
        assert_eq!(missing(&names, "a"), Some((2, "it was lost with the interpreter's state")));
        assert_eq!(missing(&names, "z"), None);
    }

    #[test]
    fn a_reset_takes_what_a_step_bound() {
        let state = InterpreterState::Reset;
        let mut names = Names::default();
        let first = names.after(1, &info(&[], &[("b", "1"), ("a", "1")]), state);
        assert_eq!(fates(&first), [("a", Fate::New), ("b", Fate::New)]);
        assert!(first.taken);
        let second = names.after(2, &info(&[], &[("a", "1")]), state);
        assert_eq!(fates(&second), [("a", Fate::Again)]);
        let missing = names.missing("b", state).unwrap();
        assert_eq!((missing.turn, missing.why), (1, "the reset after that step took it away"));
    }
}
