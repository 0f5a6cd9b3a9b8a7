//! What flows without requests: bytes over TCP, and messages inside gRPC streams.

use std::sync::Arc;

use crate::units::{UnixMillis, Window};

use super::TrafficKey;

/// Asks for TCP bytes and connections, mesh-wide, over `(at - window, at]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TcpTraffic {
    /// How far to look back.
    pub window: Window,
    /// The end of the window.
    pub at: UnixMillis,
}

/// What flowed over the connections of one key in the window asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct TcpSample {
    /// Whose connections. The protocol is TCP, the response at its default: connections have no codes.
    pub key: Arc<TrafficKey>,
    /// Whether an ambient node proxy (ztunnel) reports it: then the bytes may be those of requests that a
    /// waypoint reports too.
    pub is_tunnel: bool,
    /// Bytes from the client to the server (Istio's "received", for both reporters; rule R9).
    pub to_server_bytes: f64,
    /// Bytes from the server to the client (Istio's "sent").
    pub to_client_bytes: f64,
    /// Connections opened.
    pub opened: f64,
    /// Connections closed.
    pub closed: f64,
}

/// Asks for the messages in gRPC calls, mesh-wide, over `(at - window, at]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GrpcMessages {
    /// How far to look back.
    pub window: Window,
    /// The end of the window.
    pub at: UnixMillis,
}

/// The messages of one key in the window asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageSample {
    /// Whose messages. The protocol is gRPC; `response`, `flags` and `mtls` are at their defaults.
    pub key: Arc<TrafficKey>,
    /// Messages from the client to the server.
    pub to_server: f64,
    /// Messages from the server to the client.
    pub to_client: f64,
}
