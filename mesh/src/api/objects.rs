//! `GET /api/v1/objects`, one of them and its `/history`: objects as they are, and the names that changes know objects
//! by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::routes::{Check, LastWrite, Owner, RouteKind, Severity};
use super::workload::ObjectLink;
use super::{BadParameter, Notice, query};

/// A kind of object that can be changed here. Written as in the address: `destinationrule`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// Istio's VirtualService.
    VirtualService,
    /// Istio's DestinationRule.
    DestinationRule,
    /// Istio's Gateway; the Gateway API's kind of that name is another.
    Gateway,
    /// The Gateway API's HTTPRoute.
    HttpRoute,
    /// The Gateway API's GRPCRoute.
    GrpcRoute,
}

impl ObjectKind {
    /// All kinds.
    pub const ALL: [ObjectKind; 5] = [
        ObjectKind::VirtualService,
        ObjectKind::DestinationRule,
        ObjectKind::Gateway,
        ObjectKind::HttpRoute,
        ObjectKind::GrpcRoute,
    ];

    /// Returns the word for it in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            ObjectKind::VirtualService => RouteKind::VirtualService.as_str(),
            ObjectKind::DestinationRule => "destinationrule",
            ObjectKind::Gateway => "gateway",
            ObjectKind::HttpRoute => RouteKind::HttpRoute.as_str(),
            ObjectKind::GrpcRoute => RouteKind::GrpcRoute.as_str(),
        }
    }

    /// Returns the object's `kind`, as Kubernetes writes it.
    pub fn kind(self) -> &'static str {
        match self {
            ObjectKind::VirtualService => RouteKind::VirtualService.kind(),
            ObjectKind::DestinationRule => "DestinationRule",
            ObjectKind::Gateway => "Gateway",
            ObjectKind::HttpRoute => RouteKind::HttpRoute.kind(),
            ObjectKind::GrpcRoute => RouteKind::GrpcRoute.kind(),
        }
    }

    /// Returns the route it is, where it is one.
    pub fn route(self) -> Option<RouteKind> {
        match self {
            ObjectKind::VirtualService => Some(RouteKind::VirtualService),
            ObjectKind::HttpRoute => Some(RouteKind::HttpRoute),
            ObjectKind::GrpcRoute => Some(RouteKind::GrpcRoute),
            ObjectKind::DestinationRule | ObjectKind::Gateway => None,
        }
    }
}

impl From<RouteKind> for ObjectKind {
    fn from(kind: RouteKind) -> ObjectKind {
        match kind {
            RouteKind::VirtualService => ObjectKind::VirtualService,
            RouteKind::HttpRoute => ObjectKind::HttpRoute,
            RouteKind::GrpcRoute => ObjectKind::GrpcRoute,
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ObjectKind {
    type Err = NoObject;

    fn from_str(word: &str) -> Result<ObjectKind, NoObject> {
        let mut all = ObjectKind::ALL.into_iter();
        all.find(|kind| kind.as_str() == word).ok_or(NoObject)
    }
}

/// An object's place: written `namespace/kind/name`, such as `default/destinationrule/backend-destination`.
/// `K` says which kinds it may be of: [`RouteRef`](super::routes::RouteRef) is the place of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ObjectRef<K = ObjectKind> {
    /// Its namespace.
    pub namespace: String,
    /// Its kind.
    pub kind: K,
    /// Its name.
    pub name: String,
}

impl<K: Copy + Into<ObjectKind>> ObjectRef<K> {
    /// Returns the same place as one of any kind.
    pub fn object(&self) -> ObjectRef {
        ObjectRef {
            namespace: self.namespace.clone(),
            kind: self.kind.into(),
            name: self.name.clone(),
        }
    }
}

impl ObjectRef {
    /// Returns the place of the route that it is, where it is one.
    pub fn route(&self) -> Option<ObjectRef<RouteKind>> {
        Some(ObjectRef {
            namespace: self.namespace.clone(),
            kind: self.kind.route()?,
            name: self.name.clone(),
        })
    }
}

impl From<ObjectRef<RouteKind>> for ObjectRef {
    fn from(route: ObjectRef<RouteKind>) -> ObjectRef {
        route.object()
    }
}

impl<K: fmt::Display> fmt::Display for ObjectRef<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.kind, self.name)
    }
}

/// The text is not `namespace/kind/name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not written as namespace/kind/name")]
pub struct NoObject;

impl<K: FromStr> FromStr for ObjectRef<K> {
    type Err = NoObject;

    fn from_str(text: &str) -> Result<ObjectRef<K>, NoObject> {
        let mut parts = text.split('/');
        let (Some(namespace), Some(kind), Some(name), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoObject);
        };
        if namespace.is_empty() || name.is_empty() {
            return Err(NoObject);
        }
        Ok(ObjectRef {
            namespace: namespace.to_owned(),
            kind: kind.parse().map_err(|_| NoObject)?,
            name: name.to_owned(),
        })
    }
}

/// The parameters of `GET /api/v1/objects` and of `GET /api/v1/checks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ObjectsQuery {
    /// The namespaces whose objects to look at, sorted; empty means all.
    pub namespaces: Vec<String>,
}

impl ObjectsQuery {
    /// Reads the parameters, decoded, in any order.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<ObjectsQuery, BadParameter> {
        let mut query = ObjectsQuery::default();
        query::read(pairs, "namespaces", |name, value| {
            match name {
                "namespaces" => query.namespaces = query::list(name, value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(query)
    }

    /// Writes the parameters, encoded, without a leading `?`; what is at its default is left out.
    pub fn to_query_string(&self) -> String {
        let mut out = query::Writer::default();
        out.list("namespaces", &self.namespaces);
        out.done()
    }
}

/// The objects of Istio and of the Gateway API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Objects {
    /// The objects: those with the worst findings first, then by namespace, kind and name.
    pub items: Vec<ObjectRow>,
    /// What should be known about the answer.
    pub notices: Vec<Notice>,
}

/// One object of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ObjectRow {
    /// `namespace/kind/name`, as it is asked for.
    pub id: String,
    /// The object.
    pub object: ObjectLink,
    /// The version of its API, with the group: `networking.istio.io/v1`.
    pub api_version: String,
    /// Whether it can be changed here.
    pub can_be_changed: bool,
    /// How bad the worst is that is wrong with it, or should be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Severity>,
    /// How much that is.
    pub n_findings: u32,
    /// Who wrote it last, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_write: Option<LastWrite>,
}

/// One object as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WholeObject {
    /// `namespace/kind/name`.
    pub id: String,
    /// The version that a write must name.
    pub resource_version: String,
    /// Who else writes it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Who wrote it last, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_write: Option<LastWrite>,
    /// Whether it can be changed here.
    pub can_be_changed: bool,
    /// What is wrong with it, or should be known; worst first.
    pub checks: Vec<Check>,
    /// The whole object as YAML, without what the server keeps of who wrote which field.
    pub yaml: String,
    /// The same as JSON.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub object: serde_json::Value,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::routes::RouteRef;

    #[test]
    fn a_place_reads_and_writes_itself() {
        for place in [
            "default/destinationrule/backend-destination",
            "default/virtualservice/backend-routing",
            "shop/gateway/shop-gateway",
        ] {
            assert_eq!(place.parse::<ObjectRef>().unwrap().to_string(), place);
        }
        assert_eq!(
            "default/destinationrule/b".parse::<RouteRef>(),
            Err(NoObject),
            "that is no route"
        );
        for wrong in [
            "",
            "a/b",
            "a/pod/b",
            "a/virtualservice/",
            "/httproute/b",
            "a/httproute/b/c",
        ] {
            assert_eq!(wrong.parse::<ObjectRef>(), Err(NoObject), "{wrong}");
            assert_eq!(wrong.parse::<RouteRef>(), Err(NoObject), "{wrong}");
        }
        let route: RouteRef = "a/httproute/b".parse().unwrap();
        assert_eq!(route.object().route(), Some(route));
    }

    #[test]
    fn what_is_written_reads_back_and_what_is_unknown_is_named() {
        let query = ObjectsQuery::from_pairs([("namespaces", "shop,default")]).unwrap();
        assert_eq!(query.to_query_string(), "namespaces=default,shop");
        let error = ObjectsQuery::from_pairs([("window", "5m")]).unwrap_err();
        assert_eq!(error.name, "window");
    }
}
