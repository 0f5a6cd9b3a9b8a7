//! Every check there is, and how many of them ran.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run::{cargo, run, say, show};
use crate::setup::TestTools;
use crate::{build, lint, page, place, setup};

/// How many checks ran and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u32,
    failed: u32,
    /// Nothing passes by being skipped: one of these fails the run.
    ignored: u32,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// Sets up, builds, lints, tests, drives the page in a browser; ends with the counts.
pub fn all() -> Result<()> {
    let tools = setup::tests()?;
    page::build()?;
    lint::all()?;
    say("building the server, then the tests (5 to 8 minutes the first time on 2 cores)");
    build::server()?;
    let pidali = build::keep()?;
    let mut tally = Tally::default();
    let mut tests = cargo()?;
    tests
        .args(["test", "--workspace", "--no-fail-fast"])
        // Nobody builds on: what makes the next build faster makes this one slower.
        .env("CARGO_INCREMENTAL", "0")
        .env("PIDALI_BIN", &pidali);
    tools.equip(&mut tests);
    tally.add(counted(&mut tests, rust_line)?);
    tally.add(browser(&tools)?);
    end(tally)
}

/// The browser tests alone.
pub fn e2e() -> Result<()> {
    let tools = setup::tests()?;
    build::pidali()?;
    end(browser(&tools)?)
}

fn browser(tools: &TestTools) -> Result<Tally> {
    // The same crates with the same features as the tests have: after them there is little left to compile.
    let api_server = "api-server";
    run(cargo()?
        .args(["build", "--quiet", "--workspace", "--bin", api_server])
        .env("CARGO_INCREMENTAL", "0"))?;
    say("driving the page in Chromium (a minute or two)");
    let mut node = Command::new("node");
    node.arg("tests/browser/run.mjs")
        .current_dir(place::root())
        .env("PIDALI_BIN", place::root().join("target/release/pidali"))
        .env(
            "PIDALI_API_SERVER",
            place::target()?.join("debug").join(api_server),
        );
    tools.equip(&mut node);
    let tally = counted(&mut node, browser_line)?;
    if tally == Tally::default() {
        bail!("the browser tests ended without saying how many there were");
    }
    Ok(tally)
}

fn end(tally: Tally) -> Result<()> {
    let Tally {
        passed,
        failed,
        ignored,
    } = tally;
    println!("{passed} passed, {failed} failed");
    if ignored > 0 {
        bail!("{ignored} tests were skipped; a check that cannot run has not passed");
    }
    if failed > 0 || passed == 0 {
        bail!("the checks do not pass");
    }
    Ok(())
}

/// Runs it, passes on what it prints, and adds up the lines that count.
fn counted(command: &mut Command, count: fn(&str) -> Option<Tally>) -> Result<Tally> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", show(command)))?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            println!("{line}");
            if let Some(more) = count(&line) {
                tally.add(more);
            }
        }
    }
    let status = child.wait()?;
    if !status.success() && tally.failed == 0 {
        bail!("`{}` failed ({status})", show(command));
    }
    Ok(tally)
}

/// `test result: ok. 33 passed; 0 failed; 0 ignored; …`
fn rust_line(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut tally = Tally::default();
    for part in counts.split("; ") {
        let (number, what) = part.split_once(' ')?;
        let place = match what {
            "passed" => &mut tally.passed,
            "failed" => &mut tally.failed,
            "ignored" => &mut tally.ignored,
            _ => continue,
        };
        *place = number.parse().ok()?;
    }
    Some(tally)
}

/// `browser: 12 passed, 0 failed`
fn browser_line(line: &str) -> Option<Tally> {
    let (passed, failed) = line.strip_prefix("browser: ")?.split_once(", ")?;
    Some(Tally {
        passed: passed.strip_suffix(" passed")?.parse().ok()?,
        failed: failed.strip_suffix(" failed")?.parse().ok()?,
        ignored: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tests_say_of_themselves_is_counted() {
        let line = "test result: FAILED. 30 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        let tally = Tally {
            passed: 30,
            failed: 2,
            ignored: 1,
        };
        assert_eq!(rust_line(line), Some(tally));
        assert_eq!(rust_line("test graph::finds ... ok"), None);
        let tally = Tally {
            passed: 12,
            failed: 1,
            ignored: 0,
        };
        assert_eq!(browser_line("browser: 12 passed, 1 failed"), Some(tally));
    }

    #[test]
    fn nothing_failed_or_skipped_or_empty_passes() {
        let some = Tally {
            passed: 3,
            ..Tally::default()
        };
        assert!(end(some).is_ok());
        assert!(end(Tally::default()).is_err());
        assert!(end(Tally { failed: 1, ..some }).is_err());
        assert!(end(Tally { ignored: 1, ..some }).is_err());
    }
}
