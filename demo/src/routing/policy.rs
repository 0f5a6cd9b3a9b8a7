//! What a DestinationRule's traffic policies say of a destination
//! (<https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy>).

use serde::Deserialize;

/// The limits of one destination.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TrafficPolicy {
    pub(crate) connection_pool: ConnectionPool,
}

/// How many calls one pod may have under way to a destination. Istio sets no limit by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionPool {
    /// Connections; over HTTP/1.1 each carries one call at a time.
    pub(crate) max_connections: usize,
    /// Calls that wait for a connection.
    pub(crate) max_pending: usize,
    /// Calls that are being answered.
    pub(crate) max_requests: usize,
}

/// A traffic policy as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PolicySpec {
    connection_pool: Option<ConnectionPoolSpec>,
    #[serde(default)]
    port_level_settings: Vec<PortSpec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PortSpec {
    port: Port,
    connection_pool: Option<ConnectionPoolSpec>,
}

#[derive(Deserialize)]
struct Port {
    number: u16,
}

#[derive(Deserialize)]
struct ConnectionPoolSpec {
    tcp: Option<TcpSpec>,
    http: Option<HttpSpec>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TcpSpec {
    #[serde(default)]
    max_connections: i32,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpSpec {
    #[serde(default)]
    http1_max_pending_requests: i32,
    #[serde(default)]
    http2_max_requests: i32,
}

/// A traffic policy, read. What is absent may come from a policy above.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    connection_pool: Option<ConnectionPool>,
    ports: Vec<(u16, TrafficPolicy)>,
}

impl Default for ConnectionPool {
    fn default() -> ConnectionPool {
        ConnectionPool {
            max_connections: usize::MAX,
            max_pending: usize::MAX,
            max_requests: usize::MAX,
        }
    }
}

impl PolicySpec {
    /// Returns the policy, or why it can't be read.
    pub(super) fn checked(self) -> Result<Policy, String> {
        let pool = |spec: Option<ConnectionPoolSpec>| spec.map(|pool| pool.checked()).transpose();
        Ok(Policy {
            connection_pool: pool(self.connection_pool)?,
            ports: self
                .port_level_settings
                .into_iter()
                .map(|its| {
                    // What a port does not say is at its default: it takes nothing from above.
                    let policy = TrafficPolicy {
                        connection_pool: pool(its.connection_pool)?.unwrap_or_default(),
                    };
                    Ok((its.port.number, policy))
                })
                .collect::<Result<_, String>>()?,
        })
    }
}

impl ConnectionPoolSpec {
    fn checked(self) -> Result<ConnectionPool, String> {
        // Istio can't tell 0 from absent: both mean no limit.
        let limit = |field: &str, n: i32| match usize::try_from(n) {
            Ok(0) => Ok(usize::MAX),
            Ok(n) => Ok(n),
            Err(_) => Err(format!("`{field}` is below 0")),
        };
        let tcp = self.tcp.unwrap_or_default();
        let http = self.http.unwrap_or_default();
        Ok(ConnectionPool {
            max_connections: limit("maxConnections", tcp.max_connections)?,
            max_pending: limit("http1MaxPendingRequests", http.http1_max_pending_requests)?,
            max_requests: limit("http2MaxRequests", http.http2_max_requests)?,
        })
    }
}

/// Returns what holds for a port of a destination: what the subset says, else what stands above it.
/// Each part (such as the connection pool) is taken whole from one of them.
pub(super) fn effective(
    top: Option<&Policy>,
    subset: Option<&Policy>,
    port: Option<u16>,
) -> TrafficPolicy {
    let mut effective = TrafficPolicy::default();
    for policy in top.into_iter().chain(subset) {
        if let Some(pool) = policy.connection_pool {
            effective.connection_pool = pool;
        }
        if let Some((_, its)) = policy
            .ports
            .iter()
            .find(|(number, _)| Some(*number) == port)
        {
            effective = its.clone();
        }
    }
    effective
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(written: Value) -> Policy {
        PolicySpec::deserialize(written).unwrap().checked().unwrap()
    }

    fn connections(n: i32) -> Value {
        json!({"connectionPool": {"tcp": {"maxConnections": n}}})
    }

    #[test]
    fn limits_are_read_and_0_is_none() {
        let policy = read(json!({"connectionPool": {
            "tcp": {"maxConnections": 100, "connectTimeout": "30ms"},
            "http": {"http1MaxPendingRequests": 50, "http2MaxRequests": 0,
                     "maxRequestsPerConnection": 10},
        }}));
        let expected = ConnectionPool {
            max_connections: 100,
            max_pending: 50,
            max_requests: usize::MAX,
        };
        assert_eq!(
            effective(Some(&policy), None, None).connection_pool,
            expected
        );
        let bad = PolicySpec::deserialize(connections(-1)).unwrap();
        assert_eq!(bad.checked().unwrap_err(), "`maxConnections` is below 0");
    }

    #[test]
    fn a_subset_or_a_port_says_a_part_whole() {
        let n = |top: &Policy, subset: Option<&Policy>, port| {
            effective(Some(top), subset, Some(port))
                .connection_pool
                .max_connections
        };
        let top = read(connections(1));
        assert_eq!(n(&top, None, 80), 1);
        assert_eq!(n(&top, Some(&read(connections(2))), 80), 2);
        // A pool without the field lifts the limit; a policy without a pool says nothing.
        assert_eq!(
            n(
                &top,
                Some(&read(json!({"connectionPool": {"http": {}}}))),
                80
            ),
            usize::MAX
        );
        assert_eq!(n(&top, Some(&read(json!({"loadBalancer": {}}))), 80), 1);
        let port =
            json!({"port": {"number": 80}, "connectionPool": {"tcp": {"maxConnections": 3}}});
        let ports = read(json!({"portLevelSettings": [port]}));
        assert_eq!(n(&top, Some(&ports), 80), 3);
        assert_eq!(n(&top, Some(&ports), 81), 1);
    }
}
