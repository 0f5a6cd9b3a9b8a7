//! `GET /api/v1/checks`: what is wrong with the objects that steer traffic, or should be known of them.

use serde::{Deserialize, Serialize};

use super::Notice;
use super::routes::Check;
use super::workload::ObjectLink;

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
