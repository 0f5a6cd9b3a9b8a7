//! A child process that ends with us.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::wait_until;

/// Runs the program until its keeper's input closes: when we drop it, or when we are gone ourselves. The
/// program alone has the output: its end is the program's. `$0` is the signal that ends it.
const KEEPER: &str = r#""$@" </dev/null & p=$!; exec >&-; trap 'kill -s $0 $p 2>/dev/null' EXIT; cat >/dev/null; kill -s $0 $p; wait $p"#;

/// A running program.
pub struct Running {
    keeper: Child,
    input: Option<ChildStdin>,
    lines: Mutex<Receiver<String>>,
}

impl Running {
    /// Starts a program.
    pub fn start(program: &OsStr, args: &[&OsStr]) -> Result<Running> {
        Running::start_with(program, args, Stdio::inherit(), "TERM")
    }

    /// Starts a program whose complaints go into a file, and that is ended without a word: it would wait for
    /// those who listen to it.
    pub fn start_logging(program: &OsStr, args: &[&OsStr], log: &Path) -> Result<Running> {
        let log = File::options().create(true).append(true).open(log)?;
        Running::start_with(program, args, log.into(), "KILL")
    }

    fn start_with(program: &OsStr, args: &[&OsStr], stderr: Stdio, end: &str) -> Result<Running> {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, end])
            .arg(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
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

    /// Whether the program has ended by itself. Lines that nobody waited for are gone then.
    pub fn has_ended(&self) -> bool {
        let lines = self
            .lines
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        loop {
            match lines.try_recv() {
                Ok(_) => {}
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => return true,
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

/// Waits for a program; fails with what it said last.
pub fn up(
    what: &str,
    program: &Running,
    log: &Path,
    patience: Duration,
    mut done: impl FnMut() -> bool,
) -> Result<()> {
    let last = || {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    };
    wait_until(what, patience, || program.has_ended() || done()).with_context(last)?;
    if program.has_ended() {
        bail!("{what}: it ended instead\n{}", last());
    }
    Ok(())
}
