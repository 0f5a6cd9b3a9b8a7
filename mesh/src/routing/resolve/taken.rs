//! The objects that say how calls go, taken in one by one.

use serde_json::Value;

use crate::routing::destination_rule::DestinationRule;
use crate::routing::gateway::Gateway;
use crate::routing::lens::{ObjectRef, Unreadable};
use crate::routing::service_entry::ServiceEntry;
use crate::routing::virtual_service::VirtualService;

/// What was read of them, in the order in which they came.
#[derive(Default)]
pub(crate) struct Taken {
    pub(super) virtual_services: Vec<VirtualService>,
    pub(super) destination_rules: Vec<DestinationRule>,
    pub(super) gateways: Vec<Gateway>,
    pub(super) service_entries: Vec<ServiceEntry>,
    pub(super) problems: Vec<(ObjectRef, Unreadable)>,
}

impl Taken {
    /// Takes in an object, and passes over what says nothing of calls.
    pub(crate) fn take(&mut self, object: &Value) {
        match object.get("kind").and_then(Value::as_str) {
            Some("VirtualService") => self.virtual_service(object, VirtualService::read(object)),
            Some("DestinationRule") => self.destination_rule(object, DestinationRule::read(object)),
            Some("Gateway") if is_of_istio(object) => {
                let read = Gateway::read(object);
                let read = read.and_then(|it| it.refusal().map_or(Ok(it), Err));
                self.keep(object, read, |taken| &mut taken.gateways);
            }
            Some("ServiceEntry") if is_of_istio(object) => {
                self.keep(object, ServiceEntry::read(object), |taken| {
                    &mut taken.service_entries
                });
            }
            _ => {}
        }
    }

    /// Takes in a VirtualService that was read already.
    pub(crate) fn virtual_service(
        &mut self,
        object: &Value,
        read: Result<VirtualService, Unreadable>,
    ) {
        if is_of_istio(object) {
            let read = read.and_then(|it| it.refusal().map_or(Ok(it), Err));
            self.keep(object, read, |taken| &mut taken.virtual_services);
        }
    }

    /// Takes in a DestinationRule that was read already.
    pub(crate) fn destination_rule(
        &mut self,
        object: &Value,
        read: Result<DestinationRule, Unreadable>,
    ) {
        if is_of_istio(object) {
            let read = read.and_then(|it| it.refusal().map_or(Ok(it), Err));
            self.keep(object, read, |taken| &mut taken.destination_rules);
        }
    }

    fn keep<T>(
        &mut self,
        object: &Value,
        read: Result<T, Unreadable>,
        list: impl FnOnce(&mut Taken) -> &mut Vec<T>,
    ) {
        match read {
            Ok(read) => list(self).push(read),
            Err(problem) => self.problems.push((ObjectRef::of(object), problem)),
        }
    }
}

/// Returns whether an object is of Istio's group, or does not say: the Gateway API has a kind Gateway too.
fn is_of_istio(object: &Value) -> bool {
    let version = object.get("apiVersion").and_then(Value::as_str);
    version.is_none_or(|it| it.starts_with("networking.istio.io/"))
}
