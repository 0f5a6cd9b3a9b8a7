//! The parameters that overview, services and workloads share.

use crate::units::{UnixMillis, Window};

use super::{BadParameter, Writer, at, list, read, window};

/// The parameters of `GET /api/v1/overview`, of the lists of services and workloads, and of one of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct InventoryQuery {
    /// The namespaces to list, sorted; empty means all. One service or workload is shown whatever is listed.
    pub namespaces: Vec<String>,
    /// How far to look back.
    pub window: Window,
    /// The end of the window; `None` means now.
    pub at: Option<UnixMillis>,
}

impl InventoryQuery {
    /// Reads the parameters, decoded, in any order.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<InventoryQuery, BadParameter> {
        let mut query = InventoryQuery::default();
        read(pairs, "namespaces, window, at", |name, value| {
            match name {
                "namespaces" => query.namespaces = list(name, value)?,
                "window" => query.window = window(value)?,
                "at" => query.at = Some(at(value)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(query)
    }

    /// Writes the parameters, encoded, without a leading `?`; what is at its default is left out.
    pub fn to_query_string(&self) -> String {
        let mut out = Writer::default();
        out.list("namespaces", &self.namespaces);
        out.window_and_at(self.window, self.at);
        out.0
    }

    /// Returns whether a namespace is to be listed.
    pub fn lists(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|it| it == namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_what_is_unknown_is_named() {
        let query = InventoryQuery::from_pairs([
            ("namespaces", "shop,default"),
            ("window", "15m"),
            ("at", "2026-01-31T12:00:00Z"),
        ])
        .unwrap();
        assert_eq!(
            query.to_query_string(),
            "namespaces=default,shop&window=15m&at=2026-01-31T12:00:00Z"
        );
        assert!(query.lists("shop") && !query.lists("payments"));
        assert!(InventoryQuery::default().lists("payments"));
        for wrong in [("by", "app"), ("window", "0"), ("at", "noon")] {
            assert_eq!(
                InventoryQuery::from_pairs([wrong]).unwrap_err().name,
                wrong.0
            );
        }
    }
}
