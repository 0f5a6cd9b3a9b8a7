//! The fields of a ServiceEntry that routing depends on.

use serde::Deserialize;
use serde_json::Value;

use super::fields::{Exports, spec};
use super::hosts::specificity;
use crate::objects::place;

/// A ServiceEntry: hosts that the mesh knows besides its own services.
pub(super) struct ServiceEntry {
    pub(super) namespace: String,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    ports: Vec<Port>,
    #[serde(default)]
    export_to: Exports,
}

#[derive(Deserialize)]
struct Port {
    number: u16,
}

impl ServiceEntry {
    pub(super) fn read(object: &Value) -> Result<ServiceEntry, String> {
        Ok(ServiceEntry {
            namespace: place(object).1.to_owned(),
            spec: spec(object)?,
        })
    }

    /// Returns whether callers of a namespace know a host by it.
    pub(super) fn makes_known(&self, host: &str, port: u16, namespace: &str) -> bool {
        self.spec.export_to.reach(&self.namespace, namespace)
            && self.spec.ports.iter().any(|its| its.number == port)
            && self
                .spec
                .hosts
                .iter()
                .any(|its| specificity(its, host).is_some())
    }
}
