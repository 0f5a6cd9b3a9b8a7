//! Runs programs, and says which one failed and how.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Runs it to its end, its output going where ours goes.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", show(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", show(command));
    }
    Ok(())
}

/// What it printed on stdout, trimmed; nothing when it could not start or failed.
pub fn read(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    if !output.status.success() {
        return None;
    }
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A command as a person would type it.
pub fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// One line that says what comes next, and about how long it takes.
pub fn say(text: &str) {
    eprintln!("xtask: {text}");
}

/// The cargo that runs us, in the checkout, building into our target folder.
pub fn cargo() -> Result<Command> {
    let mut command = Command::new("cargo");
    command
        .current_dir(crate::place::root())
        .env("CARGO_TARGET_DIR", crate::place::target()?)
        // Set for us by the cargo that runs us; it would change what the inner one builds.
        .env_remove("CARGO_MANIFEST_DIR");
    Ok(command)
}
