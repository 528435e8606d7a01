//! `env-server-faults`: `env-server`, which kills itself at the point that a variable names. Only for `make faults`.

#[path = "../src/main.rs"]
mod server;

fn main() -> std::process::ExitCode {
    server::main()
}
