//! Installs what is missing, says what it does and about how long it takes, and names the exact command
//! where it cannot.

mod api_server;
mod go;
mod jaeger;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use api_server::ApiServerTools;

use crate::place;
use crate::run::{read, run, say};

/// The newest Trunk that our Rust builds.
const TRUNK: &str = "0.21.14";
const WASM: &str = "wasm32-unknown-unknown";
const DEBIAN_RUST: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// What building the page needs.
pub struct PageTools {
    /// Folders with `trunk` and `wasm-bindgen`.
    bin: Vec<PathBuf>,
    std: WasmStd,
}

enum WasmStd {
    /// rustup's, ready built.
    Ready,
    /// Debian's sources, built with Debian's compiler: where rustup's servers are out of reach.
    Debian { linker: PathBuf },
}

impl PageTools {
    /// Lets a command find the tools.
    pub fn equip(&self, command: &mut Command) -> Result<()> {
        let mut path: Vec<PathBuf> = self.bin.clone();
        if let WasmStd::Debian { linker } = &self.std {
            // Debian's rustc and cargo, before rustup's.
            path.push("/usr/bin".into());
            command
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                // Set by rustup's cargo for whatever it runs; they would bring rustup's compiler back.
                .env_remove("RUSTUP_TOOLCHAIN")
                .env_remove("CARGO")
                .env_remove("RUSTC");
        }
        command.env("PATH", before_path(&path)?);
        Ok(())
    }

    /// The compiler that builds the page, as it names itself.
    pub fn rustc(&self) -> Result<String> {
        let rustc = match self.std {
            WasmStd::Ready => "rustc",
            WasmStd::Debian { .. } => "/usr/bin/rustc",
        };
        read(rustc, &["--version"]).with_context(|| format!("`{rustc} --version` failed"))
    }
}

/// What the checks need besides.
pub struct TestTools {
    /// Where `playwright-core` is.
    node_modules: PathBuf,
    /// The browser.
    chromium: PathBuf,
    /// A real Kubernetes API.
    api_server: ApiServerTools,
    /// A real Jaeger.
    jaeger: PathBuf,
}

impl TestTools {
    /// Lets a test or a bench find the tools.
    pub fn equip(&self, command: &mut Command) {
        command.envs(self.named());
    }

    /// The same for a person's shell.
    pub fn exports(&self) -> String {
        let line = |(name, path): (&str, &Path)| {
            let path = path.display().to_string().replace('\'', r"'\''");
            format!("export {name}='{path}'\n")
        };
        self.named().map(line).concat()
    }

    /// Each tool by the variable that tests look into.
    fn named(&self) -> [(&'static str, &Path); 7] {
        [
            ("NODE_PATH", &self.node_modules),
            ("PIDALI_CHROMIUM", &self.chromium),
            ("PIDALI_ETCD", &self.api_server.etcd),
            ("PIDALI_KUBE_APISERVER", &self.api_server.kube_apiserver),
            ("PIDALI_KUBECTL", &self.api_server.kubectl),
            ("PIDALI_CRDS", &self.api_server.crds),
            ("PIDALI_JAEGER_BIN", &self.jaeger),
        ]
    }
}

/// Sets up all the page needs.
pub fn page() -> Result<PageTools> {
    let std = wasm_std()?;
    let bindgen = locked("wasm-bindgen")?;
    let bin = vec![
        tool(
            "trunk",
            TRUNK,
            &["--locked", "--no-default-features", "--features", "rustls"],
        )?,
        // Without its lock: that one holds a crate newer than some mirrors have.
        tool("wasm-bindgen", &bindgen, &[])?,
    ];
    let bin = bin.into_iter().flatten().collect();
    Ok(PageTools { bin, std })
}

/// Sets up all the checks need, besides the page.
pub fn tests() -> Result<TestTools> {
    let mut missing = Vec::new();
    if which("prometheus").is_none() {
        missing.push("prometheus");
    }
    if which("victoria-metrics").is_none() {
        missing.push("victoria-metrics");
    }
    if chromium().is_none() {
        missing.push("chromium");
    }
    if which("ip").is_none() {
        missing.push("iproute2");
    }
    if which("node").is_none() {
        missing.push("nodejs");
    }
    if which("npm").is_none() {
        missing.push("npm");
    }
    if !missing.is_empty() {
        apt(&missing, "a minute or two")?;
    }
    let chromium = chromium().context("no Chromium, not even after installing it")?;
    let node_modules = node_modules()?;
    let api_server = api_server::api_server()?;
    let jaeger = jaeger::jaeger()?;
    Ok(TestTools {
        node_modules,
        chromium,
        api_server,
        jaeger,
    })
}

fn wasm_std() -> Result<WasmStd> {
    if ready_std() {
        return Ok(WasmStd::Ready);
    }
    if let Some(linker) = debian_std() {
        return Ok(WasmStd::Debian { linker });
    }
    if which("rustup").is_some() {
        say("adding Rust's WebAssembly target with rustup (seconds; given up after a minute)");
        let mut add = Command::new("rustup");
        add.args(["target", "add", WASM]);
        if within(&mut add, Duration::from_secs(60)) && ready_std() {
            return Ok(WasmStd::Ready);
        }
        say("rustup could not bring it; taking Debian's compiler and library sources instead");
    }
    apt(&DEBIAN_RUST, "a minute or two").with_context(|| {
        format!("the page needs Rust's WebAssembly target; try: rustup target add {WASM}")
    })?;
    match debian_std() {
        Some(linker) => Ok(WasmStd::Debian { linker }),
        None => bail!(
            "Debian's Rust packages are installed, but no rust-lld was found in the rustup toolchain; try: rustup target add {WASM}"
        ),
    }
}

/// Whether the ordinary compiler has the target's library.
fn ready_std() -> bool {
    let Some(dir) = read("rustc", &["--print", "target-libdir", "--target", WASM]) else {
        return false;
    };
    std::fs::read_dir(dir).is_ok_and(|mut files| files.next().is_some())
}

/// The linker for Debian's compiler, when both are there.
fn debian_std() -> Option<PathBuf> {
    let there = |path: &str| Path::new(path).exists();
    if !there("/usr/bin/rustc") || !there("/usr/bin/cargo") || !there("/usr/lib/rustlib/src") {
        return None;
    }
    if !is_new_enough(
        &read("/usr/bin/rustc", &["--version"])?,
        env!("CARGO_PKG_RUST_VERSION"),
    ) {
        return None;
    }
    // cargo runs us from the checkout's parent toolchain: that sysroot has the linker.
    let sysroot = PathBuf::from(read("rustc", &["--print", "sysroot"])?);
    let host = read("rustc", &["-vV"])?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: "))?;
    let linker = sysroot.join("lib/rustlib").join(host).join("bin/rust-lld");
    linker.exists().then_some(linker)
}

/// Whether a compiler that says `rustc 1.96.0 …` is at least of this version.
fn is_new_enough(said: &str, least: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> {
        text.split('.')
            .take(2)
            .map_while(|n| n.parse().ok())
            .collect()
    };
    let version = said.split_whitespace().nth(1).unwrap_or_default();
    numbers(version).len() == 2 && numbers(version) >= numbers(least)
}

/// The version of a crate in Cargo.lock.
fn locked(name: &str) -> Result<String> {
    let lock = std::fs::read_to_string(place::root().join("Cargo.lock"))
        .context("cannot read Cargo.lock")?;
    version_in(&lock, name).with_context(|| format!("Cargo.lock has no `{name}`"))
}

fn version_in(lock: &str, name: &str) -> Option<String> {
    let wanted = format!("name = \"{name}\"");
    let mut lines = lock.lines();
    lines.by_ref().find(|line| *line == wanted)?;
    let version = lines.next()?.strip_prefix("version = \"")?;
    Some(version.trim_end_matches('"').to_owned())
}

/// The folder of a tool that cargo installs; nothing when the right one is already on the path.
fn tool(program: &str, version: &str, flags: &[&str]) -> Result<Option<PathBuf>> {
    let fits = |program: &str| {
        read(program, &["--version"])
            .is_some_and(|said| said.split_whitespace().any(|w| w == version))
    };
    if fits(program) {
        return Ok(None);
    }
    let package = match program {
        "wasm-bindgen" => "wasm-bindgen-cli",
        other => other,
    };
    let home = place::cache()?
        .join("tools")
        .join(format!("{package}-{version}"));
    let bin = home.join("bin");
    if fits(&bin.join(program).to_string_lossy()) {
        return Ok(Some(bin));
    }
    say(&format!(
        "building {package} {version} once, into the cache (about 3 minutes on 2 cores)"
    ));
    let mut install = Command::new("cargo");
    install
        .args(["install", package, "--version", version])
        .args(flags)
        .arg("--root")
        .arg(&home)
        // Its own profile takes three times as long; it need not be fast.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env_remove("CARGO_TARGET_DIR")
        .current_dir(std::env::temp_dir());
    run(&mut install).with_context(|| {
        format!("the page is built with {package} {version}; try: cargo install {package} --version {version}")
    })?;
    Ok(Some(bin))
}

/// Debian packages, as root or through a sudo that asks nothing.
fn apt(packages: &[&str], takes: &str) -> Result<()> {
    let names = packages.join(" ");
    let by_hand = format!("sudo apt-get update && sudo apt-get install -y {names}");
    if which("apt-get").is_none() {
        bail!("missing: {names}. This is not Debian: install them, then try again");
    }
    let root = read("id", &["-u"]).as_deref() == Some("0");
    if !root && read("sudo", &["-n", "true"]).is_none() {
        bail!("missing: {names}. Install them with: {by_hand}");
    }
    say(&format!("installing {names} from Debian ({takes})"));
    let apt = |args: &[&str]| -> Result<()> {
        let mut command = if root {
            Command::new("apt-get")
        } else {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "apt-get"]);
            sudo
        };
        command
            .args(["-qq", "-o", "DPkg::Lock::Timeout=120"])
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null());
        run(&mut command).with_context(|| format!("try by hand: {by_hand}"))
    };
    apt(&["update"])?;
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(packages);
    apt(&install)
}

/// `playwright-core` as the lock names it, kept in the cache.
fn node_modules() -> Result<PathBuf> {
    let from = place::root().join("tests/browser");
    let lock = std::fs::read(from.join("package-lock.json"))
        .context("cannot read tests/browser/package-lock.json")?;
    let home = place::cache()?
        .join("npm")
        .join(format!("{:016x}", crate::page::digest(&[&lock])));
    let modules = home.join("node_modules");
    if modules.join("playwright-core/package.json").exists() {
        return Ok(modules);
    }
    say("fetching playwright-core from npm (seconds)");
    std::fs::create_dir_all(&home)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(from.join(file), home.join(file))?;
    }
    let mut npm = Command::new("npm");
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--silent",
    ])
    .current_dir(&home);
    run(&mut npm).context("the browser tests need playwright-core from npm")?;
    Ok(modules)
}

fn chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .find_map(|name| which(name))
}

fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn before_path(first: &[PathBuf]) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = first.iter().cloned().chain(std::env::split_paths(&path));
    std::env::join_paths(all).context("a folder on PATH has a colon in its name")
}

/// Whether it succeeded in time; it is ended when it did not.
fn within(command: &mut Command, limit: Duration) -> bool {
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if start.elapsed() < limit => std::thread::sleep(Duration::from_millis(100)),
            _ => {
                child.kill().ok();
                child.wait().ok();
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crates_version_is_read_from_the_lock() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"9\"\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(version_in(lock, "wasm-bindgen").as_deref(), Some("0.2.130"));
        assert_eq!(version_in(lock, "trunk"), None);
    }

    #[test]
    fn a_compiler_of_an_old_distribution_is_not_taken() {
        assert!(is_new_enough("rustc 1.96.0 (abc 2026-05-01)", "1.95"));
        assert!(!is_new_enough("rustc 1.63.0", "1.95"));
        assert!(!is_new_enough("rustc", "1.95"));
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        assert!(within(&mut Command::new("true"), Duration::from_secs(10)));
        assert!(!within(&mut Command::new("false"), Duration::from_secs(10)));
        let start = Instant::now();
        assert!(!within(
            Command::new("sleep").arg("60"),
            Duration::from_millis(200)
        ));
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
