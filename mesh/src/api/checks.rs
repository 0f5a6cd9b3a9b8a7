//! `GET /api/v1/checks`: what is wrong with the objects that steer traffic, or should be known of them.

use serde::{Deserialize, Serialize};

use super::routes::Check;
use super::workload::ObjectLink;
use super::{BadParameter, Notice, query};

/// The parameters of `GET /api/v1/checks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ChecksQuery {
    /// The namespaces whose objects to look at, sorted; empty means all.
    pub namespaces: Vec<String>,
}

impl ChecksQuery {
    /// Reads the parameters, decoded, in any order.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<ChecksQuery, BadParameter> {
        let mut query = ChecksQuery::default();
        let mut seen = query::Seen::default();
        for (name, value) in pairs {
            seen.once(name)?;
            match name {
                "namespaces" => query.namespaces = query::list(name, value)?,
                other => return Err(query::unknown(other, "namespaces")),
            }
        }
        Ok(query)
    }

    /// Writes the parameters, encoded, without a leading `?`; what is at its default is left out.
    pub fn to_query_string(&self) -> String {
        let mut out = query::Writer::default();
        out.list("namespaces", &self.namespaces);
        out.done()
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Checks {
    /// One for each fault; errors first, then by object and place in it.
    pub items: Vec<Finding>,
    /// How many objects were looked at: routes, DestinationRules, Gateways.
    pub objects: u32,
    /// What should be known about the answer.
    pub notices: Vec<Notice>,
}

/// A fault, and the object that it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// The object that the mend is to be made in; a kind without a name where a kind could not be listed.
    pub about: ObjectLink,
    /// What is wrong with it.
    #[serde(flatten)]
    pub check: Check,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_what_is_unknown_is_named() {
        let query = ChecksQuery::from_pairs([("namespaces", "shop,default")]).unwrap();
        assert_eq!(query.to_query_string(), "namespaces=default,shop");
        let error = ChecksQuery::from_pairs([("window", "5m")]).unwrap_err();
        assert_eq!(error.name, "window");
    }
}
