//! The lens on a PeerAuthentication: which calls a workload takes, plain or under mutual TLS.
//!
//! Rules: <https://istio.io/latest/docs/reference/config/security/peer_authentication/>.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Labels, place};
use crate::object::{text_at, texts_at};

/// Which calls are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MtlsMode {
    /// Only those under mutual TLS.
    Strict,
    /// Both.
    Permissive,
    /// Plain ones; the sidecar does not speak TLS.
    Disable,
}

impl MtlsMode {
    /// Returns Istio's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "STRICT",
            Self::Permissive => "PERMISSIVE",
            Self::Disable => "DISABLE",
        }
    }

    /// `None`: it is not set, so the next wider object says.
    fn read(mode: Option<&str>) -> Option<Self> {
        match mode? {
            "STRICT" => Some(Self::Strict),
            "PERMISSIVE" => Some(Self::Permissive),
            "DISABLE" => Some(Self::Disable),
            _ => None,
        }
    }
}

/// What a PeerAuthentication says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAuthentication {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When it was created, RFC 3339 as written: such texts sort as the times do. Empty when not said.
    pub created: String,
    /// Labels of the pods it is about; none: all of the namespace, or of the mesh.
    pub selector: Labels,
    /// The mode; `None` where the next wider object says.
    pub mode: Option<MtlsMode>,
    /// The mode of ports of the pods; `None` where the object's own mode holds.
    pub ports: BTreeMap<u16, Option<MtlsMode>>,
}

impl PeerAuthentication {
    /// Reads an object of that kind.
    pub fn read(object: &Value) -> Option<Self> {
        let (namespace, name) = place(object)?;
        let ports = object.pointer("/spec/portLevelMtls");
        let ports = ports.and_then(Value::as_object).into_iter().flatten();
        let ports = ports.filter_map(|(port, said)| {
            Some((port.parse().ok()?, MtlsMode::read(text_at(said, "/mode"))))
        });
        Some(Self {
            namespace,
            name,
            created: text_at(object, "/metadata/creationTimestamp")
                .unwrap_or_default()
                .to_owned(),
            selector: texts_at(object, "/spec/selector/matchLabels"),
            mode: MtlsMode::read(text_at(object, "/spec/mtls/mode")),
            ports: ports.collect(),
        })
    }
}
