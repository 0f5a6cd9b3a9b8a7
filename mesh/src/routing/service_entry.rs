//! The lens on a ServiceEntry: hosts that the mesh knows besides the cluster's own services.
//!
//! Rules: <https://istio.io/latest/docs/reference/config/networking/service-entry/>.

use serde_json::Value;

use super::lens::{At, Meta, Unreadable};
use crate::inventory::ServicePort;

/// What a ServiceEntry says, as far as routing asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEntry {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When it was created, RFC 3339 as written: such texts sort as the times do. Empty when not said.
    pub created: String,
    /// The hosts it adds, as written; may be wildcards.
    pub hosts: Vec<String>,
    /// Their ports; what is spoken there stands where a Service has its `appProtocol`.
    pub ports: Vec<ServicePort>,
    /// The namespaces that may see it, as written; none means all.
    pub export_to: Vec<String>,
    /// Whether the hosts lie outside the mesh, as they do where the object does not say.
    pub is_external: bool,
    /// How an address is found, in Istio's word: `NONE` (where the caller meant to go anyway), `STATIC`, `DNS`,
    /// `DNS_ROUND_ROBIN`, `DYNAMIC_DNS`.
    pub resolution: String,
}

impl ServiceEntry {
    /// Reads an object.
    ///
    /// # Errors
    /// The first value that is not what it should be.
    pub fn read(object: &Value) -> Result<Self, Unreadable> {
        let root = At::root(object);
        let meta = Meta::read(&root)?;
        let spec = root.field("spec");
        let mut ports = Vec::new();
        for port in spec.field("ports").items()? {
            let word = |key| Ok(port.field(key).word()?.map(str::to_owned));
            let number = port.field("number");
            ports.push(ServicePort {
                name: word("name")?.unwrap_or_default(),
                port: number.port()?.ok_or_else(|| number.error("is missing"))?,
                app_protocol: word("protocol")?,
            });
        }
        Ok(Self {
            namespace: meta.namespace,
            name: meta.name,
            created: meta.created,
            hosts: spec.field("hosts").texts()?,
            ports,
            export_to: spec.field("exportTo").texts()?,
            is_external: spec.field("location").word()? != Some("MESH_INTERNAL"),
            resolution: spec
                .field("resolution")
                .word()?
                .unwrap_or("NONE")
                .to_owned(),
        })
    }
}
