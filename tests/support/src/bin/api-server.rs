//! A real Kubernetes API for tests in another language: `api-server [USER…]`.
//!
//! The first line it prints is the administrator's kubeconfig; each user's, `USER.kubeconfig`, is beside it.
//! It stands until its input closes. The lines `stop` and `start` end and start the API alone, and are
//! answered with `stopped` and `started`.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use anyhow::{Result, bail};
use support::ApiServer;

fn main() -> Result<()> {
    let users: Vec<String> = std::env::args().skip(1).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let mut server = ApiServer::start_for(&users)?;
    println!("{}", server.kubeconfig().display());
    for line in std::io::stdin().lines() {
        match line?.as_str() {
            "stop" => {
                server.stop_api();
                println!("stopped");
            }
            "start" => {
                server.start_api()?;
                println!("started");
            }
            other => bail!("there is no `{other}`; there are: stop, start"),
        }
    }
    Ok(())
}
