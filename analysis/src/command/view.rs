//! `analysis view`: the console over files, in a browser of this machine.

use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use tokio::net::TcpListener;

use crate::view::found::Found;
use crate::view::server::Served;

/// Look at episodes in a browser: turn by turn, and side by side
///
/// Serves a page on 127.0.0.1, prints its address, and goes on until Ctrl-C. The page lists the traces below the
/// paths, shows each turn by turn, aligns two to four step by step, and shows a study's cells and report. Nothing is
/// written, and only files below the paths are read: traces, their results, and the runs of a study's cells.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  analysis view runs/habits\n  analysis view runs/persistent runs/reset\n  \
    analysis view runs/small                      a study, with its report\n  \
    analysis view docs/study/results.json         a study's results, without its episodes\n  \
    analysis view a.trace.json b.trace.json --port 8080"
)]
pub struct Args {
    /// Folders of runs or studies, traces, or files of `analysis collect`
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The port; 0: a free one
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    port: u16,
}

/// Runs the command: until Ctrl-C.
///
/// # Errors
/// If nothing is found below a path, or the port can't be used.
pub fn run(args: &Args, _warnings: &mut Vec<String>) -> anyhow::Result<String> {
    ensure!(
        console::file("").is_some(),
        "this program was built without the page (the feature `page` of `console`)"
    );
    let served = Arc::new(Served::new(Found::below(&args.paths)?));
    let runtime = tokio::runtime::Runtime::new().context("starting threads")?;
    runtime.block_on(async {
        let address = (Ipv4Addr::LOCALHOST, args.port);
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("listening on port {}", args.port))?;
        let port = listener.local_addr()?.port();
        let mut stdout = io::stdout();
        writeln!(stdout, "listening on http://127.0.0.1:{port}/").and_then(|()| stdout.flush())?;
        let reader = Arc::clone(&served);
        std::thread::spawn(move || reader.read());
        tokio::select! {
            ended = axum::serve(listener, served.router()).into_future() => ended.context("serving"),
            signal = tokio::signal::ctrl_c() => signal.context("waiting for Ctrl-C"),
        }
    })?;
    // A trace that is still being read does not hold up the end.
    runtime.shutdown_background();
    Ok(String::new())
}
