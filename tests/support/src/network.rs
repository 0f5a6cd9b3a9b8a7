//! A network of a test's own, for what must not listen on loopback: nobody else is in it.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// An address of this machine, within such a network alone.
pub const ADDRESS: &str = "10.77.0.1";
const INSIDE: &str = "PIDALI_TEST_NETWORK";
const SET_UP: &str = r#"ip link set lo up && ip address add "$0/32" dev lo && exec "$@""#;

/// Runs the test of this name once more in a network of its own, where [`ADDRESS`] is this machine, and fails where it
/// fails there. Returns whether this is that second run: then the test goes on.
pub fn in_own_network(test: &str) -> Result<bool> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(true);
    }
    let is_root = Command::new("id").arg("-u").output()?.stdout == b"0\n";
    let mut run = Command::new("unshare");
    run.arg("--net");
    if !is_root {
        run.arg("--map-root-user");
    }
    run.args(["sh", "-c", SET_UP, ADDRESS])
        .arg(std::env::current_exe()?)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1");
    let status = run
        .status()
        .context("no unshare to make a network with; install util-linux and iproute2")?;
    if !status.success() {
        bail!(
            "{test} failed in a network of its own ({status}); it wants `unshare --net` and `ip` (iproute2)"
        );
    }
    Ok(false)
}
