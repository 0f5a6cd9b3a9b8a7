//! Names of things in a mesh: one type for each kind, so that two strings can't be swapped.
//!
//! A name is cheap to clone (shared text). Istio writes `unknown` or nothing where it does not know a
//! name; such a value never becomes a name: sources answer `None` instead.

use std::fmt;
use std::sync::Arc;

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Returns the name that `text` spells.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// Returns the text, shared.
            pub fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }

            /// Returns the text of the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

name_type!(
    /// A cluster as Istio names it (`Kubernetes` unless configured).
    ClusterName
);
name_type!(
    /// A Kubernetes namespace.
    NamespaceName
);
name_type!(
    /// A workload: a Deployment, StatefulSet, … by its name.
    WorkloadName
);
name_type!(
    /// A Kubernetes Service (or an Istio service host) by its short name.
    ServiceName
);
name_type!(
    /// An app: Istio's canonical service.
    AppName
);
name_type!(
    /// A version: Istio's canonical revision. Istio writes `latest` where a workload has none.
    VersionName
);
name_type!(
    /// What tells the pods of one template from those of another of the same workload: a hash of it.
    TemplateHash
);
