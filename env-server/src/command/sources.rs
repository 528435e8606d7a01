//! Where the options of `serve` come from: flags, environment variables, a file, in this order.
//!
//! The parser of the command line is the one definition of each option. Variables and keys of the file have its names, and
//! their values are read by it.
//!
//! | file    | what it holds                                    |
//! |---------|--------------------------------------------------|
//! | `known` | the options that there are, and what each accepts |
//! | `file`  | the options that a file sets                      |

mod file;
mod known;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Command;
use clap::parser::ValueSource;

use known::{CONFIG, Known, PREFIX};

/// The command whose options these are.
pub const COMMAND: &str = "serve";
/// Variables that begin so and are no options.
const OTHERS: [&str; 4] = ["ca", "cache", "log", "token"];

/// The whole command line's parser, which takes options of [`COMMAND`] from variables, too.
pub fn with_variables(command: Command) -> Command {
    command.mut_subcommand(COMMAND, |serve| {
        serve.mut_args(|option| match Known::of(&option) {
            // An empty variable counts as unset. The names live as long as the program.
            Some(known) if !known.is_set_empty() => option.env(&*known.variable.leak()).hide_env_values(true),
            _ => option,
        })
    })
}

/// The command line with what the file of `--config` adds to it.
///
/// # Errors
/// Everything that is wrong in variables and in the file.
pub fn arguments(command: &Command, mut given: Vec<OsString>) -> anyhow::Result<Vec<OsString>> {
    let Some(serve) = command.find_subcommand(COMMAND) else { return Ok(given) };
    // What is wrong with the flags themselves, the parser says later; also where help is wanted.
    let lenient = command.clone().ignore_errors(true).try_get_matches_from(&given);
    let Ok(matches) = lenient else { return Ok(given) };
    let Some(flags) = matches.subcommand_matches(COMMAND) else { return Ok(given) };
    let known = known::all(serve);
    let is_flag = |known: &Known| flags.value_source(&known.id) == Some(ValueSource::CommandLine);

    let mut problems = Vec::new();
    for option in known.iter().filter(|option| !is_flag(option)) {
        if let Some(Err(rule)) = option.variable_value().map(|value| option.check(serve, &value)) {
            problems.push(format!("{}: {rule}", option.variable));
        }
    }
    let variable =
        || env::var_os(format!("{PREFIX}CONFIG")).filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = flags.try_get_one::<PathBuf>(CONFIG).ok().flatten().cloned().or_else(variable);
    if let Some(path) = path {
        match read(&path, serve, &known) {
            Ok(settings) => {
                let settings = settings.into_iter();
                let left =
                    settings.filter(|(option, _)| !is_flag(option) && option.variable_value().is_none());
                given.extend(left.flat_map(|(option, values)| option.flags(values)));
            }
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        bail!("the options of `{COMMAND}` are wrong:\n{}", problems.join("\n"));
    }
    Ok(given)
}

/// The options that a file sets, with their values, or what is wrong in it.
fn read<'k>(
    path: &Path,
    serve: &Command,
    known: &'k [Known],
) -> Result<Vec<(&'k Known, Vec<String>)>, Vec<String>> {
    let text = files::read_text(path).map_err(|error| vec![error.to_string()])?;
    file::read(&text, serve, known).map_err(|problems| {
        problems.0.iter().map(|problem| format!("{}: {problem}", path.display())).collect()
    })
}

/// Variables that are set and are near to one that is read, each in a sentence. Others may belong to somebody else.
pub fn misspelt(serve: &Command) -> Vec<String> {
    let known = known::all(serve);
    let known: Vec<&str> = known.iter().map(|option| option.key.as_str()).chain(OTHERS).collect();
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut found: Vec<String> = names.filter_map(|name| meant(&name, &known)).collect();
    found.sort();
    found
}

/// What is said of a variable that nothing reads, if it may be a misspelling.
fn meant(name: &str, known: &[&str]) -> Option<String> {
    let key = name.strip_prefix(PREFIX)?.to_lowercase();
    if known.contains(&key.as_str()) {
        return None;
    }
    let nearest = fields::nearest(&key, known.iter().copied())?.to_uppercase();
    Some(format!("{name} is set, but nothing reads it: did you mean {PREFIX}{nearest}?"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Args as _;

    use super::*;
    use crate::command::serve::Serve;

    fn command() -> Command {
        Command::new("env-server").subcommand(Serve::augment_args(Command::new(COMMAND)))
    }

    /// The command line with a file of this text, after the flags.
    fn with_file(flags: &[&str], text: &str) -> Result<Vec<String>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let mut given: Vec<OsString> =
            ["env-server", COMMAND].into_iter().chain(flags.iter().copied()).map(Into::into).collect();
        given.extend(["--config".into(), file.path().into()]);
        let count = given.len();
        let all = arguments(&command(), given).map_err(|error| error.to_string())?;
        with_variables(command()).try_get_matches_from(&all).map_err(|error| error.to_string())?;
        Ok(all[count..].iter().map(|argument| argument.to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn keys_become_flags_and_flags_go_first() {
        let text =
            "max_episodes: 7\ntasks: [a, b]\nstrict: true\ninsecure: false\nmemory: 2GiB\nlog_format: json\n";
        let all =
            ["--max-episodes=7", "--tasks=a", "--tasks=b", "--strict", "--memory=2GiB", "--log-format=json"];
        assert_eq!(with_file(&[], text).unwrap(), all);
        let given = ["--tasks=c", "--max-episodes", "3", "--strict"];
        assert_eq!(with_file(&given, text).unwrap(), ["--memory=2GiB", "--log-format=json"]);
        assert_eq!(with_file(&[], r#"{"lease": 60, "tasks": "a"}"#).unwrap(), ["--lease=60", "--tasks=a"]);
        assert_eq!(with_file(&[], "{}").unwrap(), [""; 0]);
    }

    #[test]
    fn an_option_may_need_another_from_elsewhere() {
        let both = with_file(&["--tls-cert", "cert.pem"], "tls_key: key.pem\n").unwrap();
        assert_eq!(both, ["--tls-key=key.pem"]);
        let error = with_file(&[], "tls_key: key.pem\n").unwrap_err();
        assert!(error.contains("--tls-cert"), "{error}");
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let text = "max_episode: 5\nmax_awake: 0\nworkers: many\nlease: [1, 2]\nstrict: 1\nlisten: true\n\
                    log_format: xml\nmemory: 5 bananas\ntokens: ''\nconfig: other.yaml\nsocket_mode: '999'\n";
        let error = with_file(&[], text).unwrap_err();
        for part in [
            "max_episode: unknown key; did you mean max_episodes?",
            "max_awake: 0 is not in 1..=25000",
            "workers: `many`: invalid digit",
            "lease: expected a text or a number, found an array",
            "strict: expected a boolean, found an integer, 1",
            "listen: expected a text or a number, found a boolean",
            "log_format: must be one of text, json",
            "memory: `5 bananas`",
            "tokens: must not be empty",
            "config: unknown key",
            "socket_mode: `999`: must be an octal number",
        ] {
            assert!(error.contains(part), "wanted {part}\ngot {error}");
        }
        let lines = error.lines().skip(1).collect::<Vec<_>>();
        assert!(
            lines.len() == 11 && lines.iter().all(|line| line.starts_with('/')),
            "each names the file: {error}"
        );
        assert!(with_file(&[], "[]").unwrap_err().contains("expected an object"));
        assert!(with_file(&[], "a: b: c").unwrap_err().contains("line 1"));
        let missing = ["env-server", COMMAND, "--config=/no/such/file"].map(OsString::from);
        assert!(arguments(&command(), missing.into()).unwrap_err().to_string().contains("/no/such/file"));
    }

    #[test]
    fn other_commands_and_wrong_flags_are_left_to_the_parser() {
        for given in
            [vec!["env-server"], vec!["env-server", "other"], vec!["env-server", COMMAND, "--nonsense"]]
        {
            let given: Vec<OsString> = given.into_iter().map(Into::into).collect();
            assert_eq!(arguments(&command(), given.clone()).unwrap(), given);
        }
    }

    #[test]
    fn only_a_variable_that_is_near_to_an_option_is_meant_for_one() {
        let known = ["listen", "max_episodes", "token"];
        assert_eq!(
            meant("RUNTIME_GYM_MAX_EPISODE", &known).unwrap(),
            "RUNTIME_GYM_MAX_EPISODE is set, but nothing reads it: did you mean RUNTIME_GYM_MAX_EPISODES?"
        );
        // As Kubernetes sets them for a service of this name.
        for other in ["RUNTIME_GYM_LISTEN", "RUNTIME_GYM_SERVICE_HOST", "RUNTIME_GYM_PORT_50051_TCP", "HOME"]
        {
            assert_eq!(meant(other, &known), None);
        }
    }
}
