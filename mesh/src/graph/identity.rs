//! Which node a peer is, under each projection, and how that is spelled (rule R6).
//!
//! Ids are readable and injective: a part is percent-encoded where it would be ambiguous, and `-` alone
//! means "not known".

use std::fmt::Write as _;

use crate::api::NodeKind;

/// Istio's word for calls to unknown hosts that are let through.
pub const PASSTHROUGH: &str = "PassthroughCluster";
/// Istio's word for calls to unknown hosts that are refused.
pub const BLACK_HOLE: &str = "BlackHoleCluster";

type Text = std::sync::Arc<str>;

/// A node of the graph before it is spelled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// A workload, gateways included.
    Workload {
        cluster: Option<Text>,
        namespace: Option<Text>,
        workload: Text,
    },
    /// A version of an app.
    Version {
        cluster: Option<Text>,
        namespace: Option<Text>,
        app: Text,
        version: Option<Text>,
    },
    /// An app.
    App {
        cluster: Option<Text>,
        namespace: Option<Text>,
        app: Text,
    },
    /// A service.
    Service {
        cluster: Option<Text>,
        namespace: Option<Text>,
        service: Text,
    },
    /// A host outside the mesh.
    External {
        cluster: Option<Text>,
        namespace: Option<Text>,
        host: Text,
    },
    /// What left the mesh.
    Egress { cluster: Option<Text>, name: Text },
    /// A service that only traces know, by its tracing name.
    Traced {
        cluster: Option<Text>,
        namespace: Option<Text>,
        name: Text,
    },
    /// Whom no proxy knows.
    Unknown { cluster: Option<Text> },
    /// A folded namespace.
    Namespace {
        cluster: Option<Text>,
        namespace: Text,
    },
}

impl Identity {
    /// Returns the id.
    pub fn id(&self) -> String {
        let mut out = String::with_capacity(48);
        part(&mut out, self.cluster());
        out.push('/');
        part(&mut out, self.namespace());
        match self {
            Identity::Workload {
                workload,
                namespace,
                ..
            } => {
                out.push('/');
                // `-/unknown` is the caller that no proxy knows.
                if namespace.is_none() && &**workload == "unknown" {
                    out.push_str("%75nknown");
                } else {
                    part(&mut out, Some(workload));
                }
            }
            Identity::Version { app, version, .. } => {
                out.push_str("/version/");
                part(&mut out, Some(app));
                out.push('@');
                part(&mut out, version.as_deref());
            }
            Identity::App { app, .. } => {
                out.push_str("/app/");
                part(&mut out, Some(app));
            }
            Identity::Service { service, .. } => {
                out.push_str("/service/");
                part(&mut out, Some(service));
            }
            Identity::External { host, .. } => {
                out.push_str("/external/");
                part(&mut out, Some(host));
            }
            Identity::Egress { name, .. } => {
                out.push_str("/egress/");
                part(&mut out, Some(name));
            }
            Identity::Traced { name, .. } => {
                out.push_str("/traced/");
                part(&mut out, Some(name));
            }
            Identity::Unknown { .. } => out.push_str("/unknown"),
            Identity::Namespace { .. } => out.push_str("/namespace/all"),
        }
        out
    }

    /// Returns the identity that `id` spells.
    pub fn parse(id: &str) -> Option<Identity> {
        let parts: Vec<&str> = id.split('/').collect();
        let text = |part: &str| unpart(part).map(|t| t.map(Text::from));
        let must = |part: &str| text(part)?;
        let cluster = text(parts.first()?)?;
        let namespace = text(parts.get(1)?)?;
        Some(match parts.get(2..)? {
            ["unknown"] if namespace.is_none() => Identity::Unknown { cluster },
            [workload] => Identity::Workload {
                cluster,
                namespace,
                workload: must(workload)?,
            },
            ["version", rest] => {
                let (app, version) = rest.split_once('@')?;
                Identity::Version {
                    cluster,
                    namespace,
                    app: must(app)?,
                    version: text(version)?,
                }
            }
            ["app", app] => Identity::App {
                cluster,
                namespace,
                app: must(app)?,
            },
            ["service", service] => Identity::Service {
                cluster,
                namespace,
                service: must(service)?,
            },
            ["external", host] => Identity::External {
                cluster,
                namespace,
                host: must(host)?,
            },
            ["traced", name] => Identity::Traced {
                cluster,
                namespace,
                name: must(name)?,
            },
            ["egress", name] if namespace.is_none() => Identity::Egress {
                cluster,
                name: must(name)?,
            },
            ["namespace", "all"] => Identity::Namespace {
                cluster,
                namespace: namespace?,
            },
            _ => return None,
        })
    }

    /// Returns the cluster, where it is known.
    pub fn cluster(&self) -> Option<&str> {
        match self {
            Identity::Workload { cluster, .. }
            | Identity::Version { cluster, .. }
            | Identity::App { cluster, .. }
            | Identity::Service { cluster, .. }
            | Identity::External { cluster, .. }
            | Identity::Egress { cluster, .. }
            | Identity::Traced { cluster, .. }
            | Identity::Unknown { cluster }
            | Identity::Namespace { cluster, .. } => cluster.as_deref(),
        }
    }

    /// Returns the namespace, where there is one.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Identity::Workload { namespace, .. }
            | Identity::Version { namespace, .. }
            | Identity::App { namespace, .. }
            | Identity::Service { namespace, .. }
            | Identity::External { namespace, .. }
            | Identity::Traced { namespace, .. } => namespace.as_deref(),
            Identity::Namespace { namespace, .. } => Some(namespace),
            Identity::Egress { .. } | Identity::Unknown { .. } => None,
        }
    }

    /// Returns what to write on the node.
    pub fn name(&self) -> &str {
        match self {
            Identity::Workload { workload: name, .. }
            | Identity::Version { app: name, .. }
            | Identity::App { app: name, .. }
            | Identity::Service { service: name, .. }
            | Identity::External { host: name, .. }
            | Identity::Egress { name, .. }
            | Identity::Traced { name, .. }
            | Identity::Namespace {
                namespace: name, ..
            } => name,
            Identity::Unknown { .. } => "unknown",
        }
    }

    /// Returns the workload of a workload's node.
    pub fn workload(&self) -> Option<&str> {
        match self {
            Identity::Workload { workload, .. } => Some(workload),
            _ => None,
        }
    }

    /// Returns the app of an app's or a version's node.
    pub fn app(&self) -> Option<&str> {
        match self {
            Identity::App { app, .. } | Identity::Version { app, .. } => Some(app),
            _ => None,
        }
    }

    /// Returns the version of a version's node.
    pub fn version(&self) -> Option<&str> {
        match self {
            Identity::Version { version, .. } => version.as_deref(),
            _ => None,
        }
    }

    /// Returns the service of a service's node.
    pub fn service(&self) -> Option<&str> {
        match self {
            Identity::Service { service, .. } => Some(service),
            _ => None,
        }
    }

    /// Returns what the node stands for, as far as its name tells: a workload may be a gateway or a waypoint.
    pub fn kind(&self) -> NodeKind {
        match self {
            Identity::Workload { .. } => NodeKind::Workload,
            Identity::Version { .. } => NodeKind::Version,
            Identity::App { .. } => NodeKind::App,
            Identity::Service { .. } => NodeKind::Service,
            Identity::External { .. } => NodeKind::External,
            Identity::Egress { .. } => NodeKind::Egress,
            Identity::Traced { .. } => NodeKind::Traced,
            Identity::Unknown { .. } => NodeKind::Unknown,
            Identity::Namespace { .. } => NodeKind::Namespace,
        }
    }
}

fn part(out: &mut String, text: Option<&str>) {
    match text {
        None | Some("") => out.push('-'),
        Some("-") => out.push_str("%2D"),
        Some(text) => {
            for c in text.chars() {
                if matches!(c, '/' | '%' | ':' | '>' | '@' | ',') || c.is_control() {
                    let mut bytes = [0; 4];
                    for byte in c.encode_utf8(&mut bytes).bytes() {
                        // Writing to a String does not fail.
                        let _ = write!(out, "%{byte:02X}");
                    }
                } else {
                    out.push(c);
                }
            }
        }
    }
}

/// Returns the text that `part` spells: `Some(None)` for what is not known, `None` for what is no part.
fn unpart(part: &str) -> Option<Option<String>> {
    if part == "-" {
        return Some(None);
    }
    if part.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex = [rest.next()?, rest.next()?];
            // `from_str_radix` takes a sign.
            let is_hex = hex.iter().all(u8::is_ascii_hexdigit);
            let hex = std::str::from_utf8(&hex).ok().filter(|_| is_hex)?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().map(Some)
}
