//! Every chore of the project: `cargo xtask help` lists them.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "chores talk to the person who runs them"
)]

mod bench;
mod build;
mod dev;
mod lint;
mod page;
mod place;
mod run;
mod setup;
mod test;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask demo [FLAGS]        build everything and show the built-in mesh; FLAGS go to `pidali demo`
cargo xtask serve [FLAGS]       build everything and show a real mesh; FLAGS go to `pidali serve`
cargo xtask test                every check there is: lint, tests on real parts, the page in a browser
cargo xtask build               the page and the server: target/release/pidali
cargo xtask page                the page alone, into dist/
cargo xtask dev [FLAGS]         rebuild and reload while editing, on the built-in mesh
cargo xtask lint                formatting, clippy, the rules of ARCHITECTURE.md
cargo xtask e2e                 the browser tests alone
cargo xtask bench [graph|routes|traces|page]  the speed we promise, measured; all without a name; --workloads N (1100)
cargo xtask setup [page|tests]  only install what is missing; prints where the tests' tools are, for a shell's `eval`

What is built and downloaded is kept outside the checkout: PIDALI_CACHE, or\nXDG_CACHE_HOME/pidali, or ~/.cache/pidali.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match chore(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn chore(args: &[String]) -> Result<()> {
    let name = args.first().map_or("help", String::as_str);
    let rest = args.get(1..).unwrap_or_default();
    if !matches!(name, "demo" | "serve" | "dev" | "bench" | "setup") && !rest.is_empty() {
        bail!("`{name}` takes no more words, but got `{}`", rest.join(" "));
    }
    match name {
        "help" | "--help" | "-h" => print!("{HELP}"),
        "demo" | "serve" => build::start(name, rest)?,
        "test" => test::all()?,
        "build" => {
            build::pidali()?;
        }
        "page" => {
            page::build()?;
        }
        "dev" => dev::run(rest)?,
        "lint" => lint::all()?,
        "e2e" => test::e2e()?,
        "bench" => bench::run(rest)?,
        "setup" => match rest {
            [] => print!("{}", setup::tests()?.exports()),
            [what] if what == "page" => setup::page().map(drop)?,
            [what] if what == "tests" => print!("{}", setup::tests()?.exports()),
            _ => bail!("`setup` takes `page` or `tests`"),
        },
        other => bail!("there is no chore `{other}`\n\n{HELP}"),
    }
    Ok(())
}
