//! `env-server token`.

use std::io::{self, Write as _};

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use files::digest;

/// Make a token for a caller of a server that has --tokens. Prints the token, which
/// only the caller should have, and the line to add to the server's file.
#[derive(Args)]
#[command(after_help = "\
Examples:
  env-server token --tenant red
  env-server token --tenant ops --role operator")]
pub struct Token {
    /// The tenant that the token belongs to. Callers of one tenant share their episodes.
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = tenant)]
    tenant: String,

    /// What its holder may do.
    #[arg(long, value_enum, default_value_t = Role::Agent)]
    role: Role,
}

/// What a token's holder may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Act in its tenant's episodes.
    Agent,
    /// See and do everything, private data too.
    Operator,
}

fn tenant(name: &str) -> Result<String, String> {
    lifecycle::check_tenant(name).map(|()| name.to_owned())
}

impl Token {
    /// Makes a token and prints it.
    pub fn run(self) -> anyhow::Result<()> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| anyhow!("drawing a random token: {error}"))?;
        // The hash of a random number is as random, and already text.
        let token = format!("rgym_{}", digest::bytes(random));
        let role = match self.role {
            Role::Agent => "agent",
            Role::Operator => "operator",
        };
        let mut stdout = io::stdout();
        writeln!(stdout, "token (for the caller's RUNTIME_GYM_TOKEN): {token}")?;
        writeln!(
            stdout,
            "line (for the server's --tokens file): {} {} {role}",
            digest::bytes(&token),
            self.tenant
        )?;
        Ok(())
    }
}
