//! Which calls a workload takes: plain, or under mutual TLS alone, and which object says so.
//!
//! Rules: <https://istio.io/latest/docs/reference/config/security/peer_authentication/>. The pods' own object
//! goes before the namespace's, that before the mesh's, which stands in the root namespace. Of several at one
//! level the oldest holds. What is not set is the next wider object's to say.

use std::fmt;

use super::{Inventory, Labels, MtlsMode, PeerAuthentication};
use crate::object::ObjectKey;

/// Where Istio looks for what holds in the whole mesh, unless told otherwise.
pub const ROOT_NAMESPACE: &str = "istio-system";

/// How wide the object is that says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A port of the pods.
    Port,
    /// The pods.
    Workload,
    /// The namespace.
    Namespace,
    /// The mesh.
    Mesh,
    /// No object says anything.
    Default,
}

/// The mode in force, with who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The mode.
    pub mode: MtlsMode,
    /// The object that says so; `None` where none does.
    pub said_by: Option<ObjectKey>,
    /// How wide that object is.
    pub level: Level,
}

impl InForce {
    /// Returns what it means and who says so, in a sentence.
    pub fn words(&self) -> String {
        let means = match self.mode {
            MtlsMode::Strict => "Only calls under mutual TLS are taken",
            MtlsMode::Permissive => "Calls are taken plain and under mutual TLS",
            MtlsMode::Disable => "Calls are taken plain: the sidecar speaks no TLS",
        };
        format!("{means} ({}, {self}).", self.mode.as_str())
    }
}

impl fmt::Display for InForce {
    /// `PeerAuthentication shop/default, for the namespace`; `Istio's default` where no object says anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self.level {
            Level::Port => "for this port",
            Level::Workload => "for these pods",
            Level::Namespace => "for the namespace",
            Level::Mesh => "for the mesh",
            Level::Default => "",
        };
        match &self.said_by {
            Some(object) => write!(f, "{object}, {scope}"),
            None => f.write_str("Istio's default"),
        }
    }
}

impl Inventory {
    /// Returns which calls the pods with `labels` in `namespace` take, at `port` of the pods where one is asked
    /// about. `root` is the mesh's root namespace: [`ROOT_NAMESPACE`], as a rule.
    pub fn mtls(&self, namespace: &str, labels: &Labels, port: Option<u16>, root: &str) -> InForce {
        let oldest = |level: Level| {
            let all = self.peer_authentications.values();
            all.filter(|it| level_of(it, namespace, labels, root) == Some(level))
                .min_by_key(|it| (&it.created, &it.name))
        };
        let said = |mode, by: &PeerAuthentication, level| InForce {
            mode,
            said_by: Some(ObjectKey {
                kind: "PeerAuthentication".to_owned(),
                namespace: by.namespace.clone(),
                name: by.name.clone(),
            }),
            level,
        };
        let own = oldest(Level::Workload);
        // Ports are heard of in an object with a selector alone.
        let of_port = own.zip(port).and_then(|(own, port)| {
            let mode = (*own.ports.get(&port)?)?;
            Some(said(mode, own, Level::Port))
        });
        let levels = [
            (Level::Workload, own),
            (Level::Namespace, oldest(Level::Namespace)),
            (Level::Mesh, oldest(Level::Mesh)),
        ];
        let mut wider = levels
            .into_iter()
            .filter_map(|(level, by)| Some(said(by?.mode?, by?, level)));
        of_port.or_else(|| wider.next()).unwrap_or(InForce {
            mode: MtlsMode::Permissive,
            said_by: None,
            level: Level::Default,
        })
    }
}

/// At which level an object is about these pods; `None`: it is about others.
fn level_of(
    object: &PeerAuthentication,
    namespace: &str,
    labels: &Labels,
    root: &str,
) -> Option<Level> {
    let is_root = object.namespace == root;
    if object.selector.is_empty() {
        return if is_root {
            Some(Level::Mesh)
        } else {
            (object.namespace == namespace).then_some(Level::Namespace)
        };
    }
    let mut wanted = object.selector.iter();
    let is_chosen = wanted.all(|(key, value)| labels.get(key) == Some(value));
    // In the root namespace istiod passes over an object with a selector.
    (is_chosen && !is_root && object.namespace == namespace).then_some(Level::Workload)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(namespace: &str, name: &str, day: u8, spec: Value) -> Value {
        json!({"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
            "metadata": {"namespace": namespace, "name": name,
                "creationTimestamp": format!("2026-03-{day:02}T00:00:00Z")},
            "spec": spec})
    }

    fn mode(mode: &str) -> Value {
        json!({"mtls": {"mode": mode}})
    }

    fn of_web(mut spec: Value) -> Value {
        spec["selector"] = json!({"matchLabels": {"app": "web"}});
        spec
    }

    fn in_force(objects: &[Value], port: Option<u16>) -> String {
        let inventory = Inventory::read(objects.iter());
        let web = Labels::from([("app".to_owned(), "web".to_owned())]);
        let found = inventory.mtls("shop", &web, port, ROOT_NAMESPACE);
        format!("{} {found}", found.mode.as_str())
    }

    #[test]
    fn mtls_is_permissive_where_nobody_says_anything() {
        assert_eq!(in_force(&[], None), "PERMISSIVE Istio's default");
        let unset = [object("istio-system", "default", 1, json!({}))];
        assert_eq!(in_force(&unset, None), "PERMISSIVE Istio's default");
        let elsewhere = [
            object("bank", "default", 1, mode("STRICT")),
            object(
                "shop",
                "other",
                1,
                json!({"selector": {"matchLabels": {"app": "cart"}},
                "mtls": {"mode": "STRICT"}}),
            ),
        ];
        assert_eq!(in_force(&elsewhere, None), "PERMISSIVE Istio's default");
    }

    #[test]
    fn mtls_is_said_by_the_narrowest_object() {
        let mut objects = vec![object("istio-system", "default", 1, mode("STRICT"))];
        let mesh = "STRICT PeerAuthentication istio-system/default, for the mesh";
        assert_eq!(in_force(&objects, None), mesh);
        objects.push(object("shop", "default", 2, mode("DISABLE")));
        let namespace = "DISABLE PeerAuthentication shop/default, for the namespace";
        assert_eq!(in_force(&objects, None), namespace);
        objects.push(object("shop", "web", 3, of_web(mode("PERMISSIVE"))));
        let pods = "PERMISSIVE PeerAuthentication shop/web, for these pods";
        assert_eq!(in_force(&objects, None), pods);
    }

    #[test]
    fn mtls_that_is_unset_is_the_wider_objects_to_say() {
        let objects = [
            object("istio-system", "default", 1, mode("STRICT")),
            object("shop", "default", 2, mode("UNSET")),
            object(
                "shop",
                "web",
                3,
                of_web(json!({"portLevelMtls": {"80": {"mode": "UNSET"}}})),
            ),
        ];
        let mesh = "STRICT PeerAuthentication istio-system/default, for the mesh";
        assert_eq!(in_force(&objects, None), mesh);
        assert_eq!(in_force(&objects, Some(80)), mesh);
    }

    #[test]
    fn mtls_of_a_port_goes_first_and_needs_a_selector() {
        let ports =
            json!({"mtls": {"mode": "STRICT"}, "portLevelMtls": {"9090": {"mode": "DISABLE"}}});
        let objects = [object("shop", "web", 3, of_web(ports.clone()))];
        let port = "DISABLE PeerAuthentication shop/web, for this port";
        assert_eq!(in_force(&objects, Some(9090)), port);
        assert!(in_force(&objects, Some(80)).starts_with("STRICT"));
        let without = [object("shop", "default", 3, ports)];
        assert!(in_force(&without, Some(9090)).starts_with("STRICT"));
    }

    #[test]
    fn mtls_of_several_objects_is_the_oldest_ones() {
        let objects = [
            object("shop", "a", 9, mode("STRICT")),
            object("shop", "b", 2, mode("DISABLE")),
        ];
        assert!(in_force(&objects, None).starts_with("DISABLE PeerAuthentication shop/b"));
    }

    #[test]
    fn mtls_of_the_root_namespace_is_the_meshs_and_knows_no_selector() {
        let chosen = [object("istio-system", "web", 1, of_web(mode("STRICT")))];
        let inventory = Inventory::read(chosen.iter());
        let web = Labels::from([("app".to_owned(), "web".to_owned())]);
        let found = inventory.mtls("istio-system", &web, None, ROOT_NAMESPACE);
        assert_eq!(found.level, Level::Default);
        let moved = [object("mesh-config", "default", 1, mode("STRICT"))];
        let inventory = Inventory::read(moved.iter());
        let found = inventory.mtls("shop", &web, None, "mesh-config");
        assert_eq!(
            found.words(),
            "Only calls under mutual TLS are taken (STRICT, PeerAuthentication mesh-config/default, for the mesh)."
        );
    }
}
