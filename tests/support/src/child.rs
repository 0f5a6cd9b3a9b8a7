//! A child process that ends with us.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, Result};

/// Runs the program until its keeper's input closes: when we drop it, or when we are gone ourselves.
const KEEPER: &str =
    r#""$@" </dev/null & p=$!; trap 'kill $p 2>/dev/null' EXIT; cat >/dev/null; kill $p; wait $p"#;

/// A running program.
pub struct Running {
    keeper: Child,
    input: Option<ChildStdin>,
    lines: Mutex<Receiver<String>>,
}

impl Running {
    /// Starts a program.
    pub fn start(program: &OsStr, args: &[&OsStr]) -> Result<Running> {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let input = keeper.stdin.take();
        let (to, lines) = channel();
        if let Some(stdout) = keeper.stdout.take() {
            // Read to its end: a full pipe would stop the program.
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    to.send(line).ok();
                }
            });
        }
        Ok(Running {
            keeper,
            input,
            lines: Mutex::new(lines),
        })
    }

    /// Waits for the next line on its stdout that starts with `start`; returns the rest of it.
    pub fn line(&self, start: &str) -> Result<String> {
        loop {
            let lines = self
                .lines
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let line = lines.recv_timeout(Duration::from_secs(30));
            let line = line.with_context(|| format!("no line `{start}…` within 30 s"))?;
            if let Some(rest) = line.strip_prefix(start) {
                return Ok(rest.trim().to_owned());
            }
        }
    }

    /// The keeper's process; the program is its child.
    pub fn id(&self) -> u32 {
        self.keeper.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.input.take());
        self.keeper.wait().ok();
    }
}
