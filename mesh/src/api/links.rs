//! `GET /api/v1/links`: where else to look.

use serde::{Deserialize, Serialize};

use super::{BadParameter, query};
use crate::units::{UnixMillis, Window};

/// The parameters of `GET /api/v1/links`: what the links should be about. Nothing means the mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LinksQuery {
    /// A namespace.
    pub namespace: Option<String>,
    /// A workload in it.
    pub workload: Option<String>,
    /// A service in it.
    pub service: Option<String>,
    /// How far to look back.
    pub window: Window,
    /// The end of the window; `None` means now.
    pub at: Option<UnixMillis>,
}

impl LinksQuery {
    /// Reads the parameters, decoded, in any order.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<LinksQuery, BadParameter> {
        const KNOWN: &str = "namespace, workload, service, window, at";
        let mut query = LinksQuery::default();
        query::read(pairs, KNOWN, |name, value| {
            let text = || (!value.is_empty()).then(|| value.to_owned());
            match name {
                "namespace" => query.namespace = text(),
                "workload" => query.workload = text(),
                "service" => query.service = text(),
                "window" => query.window = query::window(value)?,
                "at" => query.at = Some(query::at(value)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let is_placed = query.namespace.is_some();
        if !is_placed && (query.workload.is_some() || query.service.is_some()) {
            let hint = "say which namespace the workload or service is in";
            return Err(query::missing("namespace", hint));
        }
        Ok(query)
    }

    /// Writes the parameters, encoded, without a leading `?`; what is at its default is left out.
    pub fn to_query_string(&self) -> String {
        let mut out = query::Writer::default();
        for (name, value) in [
            ("namespace", &self.namespace),
            ("workload", &self.workload),
            ("service", &self.service),
        ] {
            if let Some(value) = value {
                out.pair(name, value);
            }
        }
        out.window_and_at(self.window, self.at);
        out.done()
    }
}

/// A way to another program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Link {
    /// Which program: `grafana`.
    pub to: String,
    /// What it leads to, in words.
    pub label: String,
    /// The address: http or https.
    pub url: String,
}
