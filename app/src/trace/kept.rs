//! Tracing names that a person corrected. They are kept in this browser: no cluster and no colleague knows them.

use std::collections::BTreeMap;

use crate::shell::{store, stored};

/// Where the browser keeps them.
const KEY: &str = "pidali-trace-names";

/// The corrected names, by `namespace/service`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept(BTreeMap<String, String>);

impl Kept {
    /// Reads what this browser keeps.
    pub fn read() -> Kept {
        stored(KEY)
            .map(|text| Kept::parse(&text))
            .unwrap_or_default()
    }

    /// What can't be read is nothing: a person can write it again.
    fn parse(text: &str) -> Kept {
        Kept(serde_json::from_str(text).unwrap_or_default())
    }

    /// Returns the name that stands in for a service's own.
    pub fn name(&self, namespace: &str, service: &str) -> Option<&str> {
        self.0
            .get(&format!("{namespace}/{service}"))
            .map(String::as_str)
    }

    /// Sets the name of a service, or forgets it where the name is empty; the browser keeps that.
    pub fn set(&mut self, namespace: &str, service: &str, name: &str) {
        let key = format!("{namespace}/{service}");
        match name.trim() {
            "" => self.0.remove(&key),
            name => self.0.insert(key, name.to_owned()),
        };
        store(KEY, &serde_json::to_string(&self.0).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;

    #[test]
    fn names_are_kept_by_namespace_and_service() {
        let kept = Kept::parse(r#"{"shop/cart": "cart-svc"}"#);
        assert_eq!(kept.name("shop", "cart"), Some("cart-svc"));
        assert_eq!(kept.name("other", "cart"), None);
        assert_eq!(Kept::parse("[1]"), Kept::default());
    }
}
