//! The tokens that a server accepts, by their hashes, in a file that may change while it serves.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use crate::caller::{Caller, Role};
use crate::quota::Quota;
use crate::reload::Watch;

/// The tenant of a quota that holds for every tenant without one of its own.
const OTHERS: &str = "*";

/// SHA-256 of a token.
type Hash = [u8; 32];

/// The tokens of a file. Each line is `HASH TENANT ROLE`: the token's SHA-256 in hexadecimal, the tenant's name, and
/// `agent` or `operator`; or `quota TENANT NAME=NUMBER ...`, where the tenant `*` stands for those without a line of their own.
/// Empty lines and lines that begin with `#` say nothing.
#[derive(Debug)]
pub struct Tokens {
    file: PathBuf,
    watch: Watch,
    accepted: RwLock<Arc<[(Hash, Caller)]>>,
}

impl Tokens {
    /// Reads a file.
    ///
    /// # Errors
    /// A sentence that names the file, and the line if one is wrong.
    pub fn load(file: &Path) -> Result<Self, String> {
        let watch = Watch::new(vec![file.to_owned()]);
        Ok(Self { file: file.to_owned(), watch, accepted: RwLock::new(read(file)?) })
    }

    /// Reads the file again when it changes. Tokens that are no longer in it are no longer accepted.
    pub async fn keep_current(&self) {
        self.watch.follow("the tokens", || self.reload()).await;
    }

    fn reload(&self) -> Result<(), String> {
        let accepted = read(&self.file)?;
        *self.accepted.write().unwrap_or_else(PoisonError::into_inner) = accepted;
        Ok(())
    }

    /// Who has this token, if it is accepted. The time that this takes does not depend on which token it is.
    pub fn caller(&self, token: &[u8]) -> Option<Caller> {
        let accepted = self.accepted.read().unwrap_or_else(PoisonError::into_inner).clone();
        let hash: Hash = Sha256::digest(token).into();
        let mut found = u64::MAX;
        for (index, (accepted, _)) in (0..).zip(accepted.iter()) {
            found.conditional_assign(&index, accepted.ct_eq(&hash));
        }
        let (_, caller) = accepted.get(usize::try_from(found).ok()?)?;
        Some(caller.clone())
    }
}

fn read(file: &Path) -> Result<Arc<[(Hash, Caller)]>, String> {
    let text = fs::read_to_string(file)
        .map_err(|error| format!("cannot read the tokens in {}: {error}", file.display()))?;
    let mut accepted: Vec<(Hash, Caller)> = Vec::new();
    let mut quotas: HashMap<&str, (usize, Quota)> = HashMap::new();
    let wrong = |line: usize, problem: &str| format!("{}, line {line}: {problem}", file.display());
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |problem: &str| wrong(number, problem);
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["quota", tenant, quota @ ..] = &words[..] {
            let quota = Quota::parse(quota).map_err(|problem| wrong(&problem))?;
            if quotas.insert(tenant, (number, quota)).is_some() {
                return Err(wrong("the tenant has a quota already"));
            }
            continue;
        }
        let (hash, caller) = parse(&words).map_err(|problem| wrong(&problem))?;
        if accepted.iter().any(|(other, _)| *other == hash) {
            return Err(wrong("the hash is there twice"));
        }
        accepted.push((hash, caller));
    }
    if accepted.is_empty() {
        return Err(format!("{} holds no token; `env-server token` makes one", file.display()));
    }
    let others = quotas.remove(OTHERS).map(|(_, quota)| quota).unwrap_or_default();
    if let Some((tenant, (line, _))) =
        quotas.iter().find(|(tenant, _)| accepted.iter().all(|(_, caller)| *caller.tenant != ***tenant))
    {
        return Err(wrong(*line, &format!("the tenant `{tenant}` has no token")));
    }
    for (_, caller) in &mut accepted {
        caller.quota = quotas.get(&*caller.tenant).map_or(others, |(_, quota)| *quota);
    }
    Ok(accepted.into())
}

fn parse(words: &[&str]) -> Result<(Hash, Caller), String> {
    let &[hash, tenant, role] = words else {
        return Err("a line is `HASH TENANT ROLE`, which `env-server token` prints, or `quota TENANT NAME=NUMBER ...`".to_owned());
    };
    let hash = hash_from_hex(hash)
        .ok_or("the hash is not a SHA-256, 64 hexadecimal digits; `env-server token` prints one")?;
    let role = match role {
        "agent" => Role::Agent,
        "operator" => Role::Operator,
        other => return Err(format!("the role `{other}` is neither `agent` nor `operator`")),
    };
    check_tenant(tenant)?;
    Ok((hash, Caller { tenant: tenant.into(), role, quota: Quota::default() }))
}

/// Checks a tenant's name.
///
/// # Errors
/// The rule, if it breaks one.
pub fn check_tenant(name: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(allowed) {
        return Err(format!("the tenant `{name}` must be 1 to 64 of [A-Za-z0-9._-]"));
    }
    Ok(())
}

fn hash_from_hex(text: &str) -> Option<Hash> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    // SHA-256 of "abc" and of "".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn load(text: &str) -> Result<Tokens, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens");
        fs::write(&file, text).unwrap();
        Tokens::load(&file)
    }

    #[test]
    fn a_token_says_who_calls() {
        let tokens = load(&format!("# ours\n\n{ABC} red agent\n  {EMPTY}\tblue operator\n")).unwrap();
        let caller =
            |tenant: &str, role| Some(Caller { tenant: tenant.into(), role, quota: Quota::default() });
        assert_eq!(tokens.caller(b"abc"), caller("red", Role::Agent));
        assert_eq!(tokens.caller(b""), caller("blue", Role::Operator));
        assert_eq!(tokens.caller(b"abd"), None);
        assert_eq!(tokens.caller(ABC.as_bytes()), None, "the hash is not the token");
    }

    #[test]
    fn a_quota_is_of_one_tenant_or_of_those_without_one() {
        let text = format!(
            "quota * episodes=3\n{ABC} red agent\n{EMPTY} blue agent\nquota blue steps_per_second=9\n"
        );
        let tokens = load(&text).unwrap();
        let [red, blue] = [&b"abc"[..], b""].map(|token| tokens.caller(token).unwrap().quota);
        assert_eq!(red, Quota::parse(&["episodes=3"]).unwrap());
        assert_eq!(blue, Quota::parse(&["steps_per_second=9"]).unwrap());
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, part) in [
            ("", "holds no token"),
            ("# nothing\n", "holds no token"),
            (&format!("\n{ABC} red\n"), "line 2: a line is"),
            (&format!("{ABC} red agent more"), "line 1: a line is"),
            ("abc red agent", "64 hexadecimal digits"),
            (&format!("{ABC} red boss"), "the role `boss`"),
            (&format!("{ABC} r\u{e9}d agent"), "the tenant"),
            (&format!("{ABC} red agent\n{ABC} blue agent"), "line 2: the hash is there twice"),
            (&format!("{ABC} red agent\nquota red"), "line 2: the quota is empty"),
            (&format!("quota blue episodes=1\n{ABC} red agent"), "line 1: the tenant `blue` has no token"),
            (&format!("{ABC} red agent\n{}", "quota red episodes=1\n".repeat(2)), "line 3: the tenant has"),
        ] {
            let error = load(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
