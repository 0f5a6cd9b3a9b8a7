//! A wire that can be cut: what is sent arrives, what is answered does not.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// A way to a port of this machine.
pub struct Wire {
    /// The port to go through.
    pub port: u16,
    is_deaf: Arc<AtomicBool>,
}

impl Wire {
    /// Returns a way to `port` on which answers take `latency` longer. It ends with the test process.
    pub fn to(port: u16, latency: Duration) -> Result<Wire> {
        Wire::at("127.0.0.1:0", port, latency)
    }

    /// Returns one that begins at `address`.
    pub fn at(address: &str, port: u16, latency: Duration) -> Result<Wire> {
        let listener = TcpListener::bind(address)?;
        let wire = Wire {
            port: listener.local_addr()?.port(),
            is_deaf: Arc::default(),
        };
        let is_deaf = Arc::clone(&wire.is_deaf);
        thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                let Ok(called) = TcpStream::connect(("127.0.0.1", port)) else {
                    continue;
                };
                let never = Arc::new(AtomicBool::new(false));
                carry(&caller, &called, Duration::ZERO, never);
                carry(&called, &caller, latency, Arc::clone(&is_deaf));
            }
        });
        Ok(wire)
    }

    /// From now on answers get lost, and whoever waits for one is cut off.
    pub fn deafen(&self) {
        self.is_deaf.store(true, Ordering::SeqCst);
    }

    /// Answers arrive again.
    pub fn mend(&self) {
        self.is_deaf.store(false, Ordering::SeqCst);
    }
}

/// Carries bytes one way, until they would get lost.
fn carry(from: &TcpStream, to: &TcpStream, latency: Duration, is_deaf: Arc<AtomicBool>) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else {
        return;
    };
    thread::spawn(move || {
        let mut chunk = [0; 16 * 1024];
        loop {
            let n = from.read(&mut chunk).unwrap_or(0);
            thread::sleep(latency);
            let is_lost = is_deaf.load(Ordering::SeqCst);
            if n == 0 || is_lost || to.write_all(chunk.get(..n).unwrap_or_default()).is_err() {
                break;
            }
        }
        // Whoever is at the other end need not know: an end that is gone already is as good.
        to.shutdown(Shutdown::Both).ok();
        from.shutdown(Shutdown::Both).ok();
    });
}
