//! Services.

use serde_json::Value;

use super::{Labels, place};
use crate::object::{at, texts_at};

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Empty where the service has one port and gives it no name.
    pub name: String,
    /// Its number.
    pub port: u16,
    /// What it says is spoken there.
    pub app_protocol: Option<String>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Labels of the pods that serve it; none: its endpoints are someone else's to say.
    pub selector: Labels,
    /// In the order written.
    pub ports: Vec<ServicePort>,
}

impl Service {
    /// Reads an object of kind Service.
    pub fn read(object: &Value) -> Option<Self> {
        let (namespace, name) = place(object)?;
        let ports = at(object, "/spec/ports").and_then(Value::as_array);
        let ports = ports.into_iter().flatten().filter_map(|port| {
            let text = |key| port.get(key).and_then(Value::as_str).map(str::to_owned);
            Some(ServicePort {
                name: text("name").unwrap_or_default(),
                port: port.get("port")?.as_u64()?.try_into().ok()?,
                app_protocol: text("appProtocol"),
            })
        });
        Some(Self {
            namespace,
            name,
            selector: texts_at(object, "/spec/selector"),
            ports: ports.collect(),
        })
    }

    /// Returns the port with this number.
    pub fn port(&self, number: u16) -> Option<&ServicePort> {
        self.ports.iter().find(|port| port.port == number)
    }
}
