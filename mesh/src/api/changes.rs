//! `POST /api/v1/changes`, the one door for writes, and its forms for one object: `PUT …/weights`,
//! `POST …/undo`.

use serde::{Deserialize, Serialize};

use super::ErrorDetail;
use super::routes::{Check, RouteRef};

/// What is to be changed. All of it is looked at before any of it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// The edits, in the order in which they are written.
    pub edits: Vec<Edit>,
    /// Why, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Only looks at what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// One edit of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    /// Sets the weights of one rule.
    SetWeights {
        /// The object.
        object: RouteRef,
        /// Its version as it was seen; a newer one is a conflict.
        resource_version: String,
        /// Its uid and generation as they were seen: where only something else than the specification of
        /// this very object changed since, the edit still holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<String>,
        /// See `uid`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generation: Option<i64>,
        /// The rule: `http/0`.
        rule: String,
        /// Proportions, in the order of the rule's destinations as read.
        weights: Vec<u32>,
    },
    /// Takes one change of weights back: sets what it set to what was there before.
    Undo {
        /// The object.
        object: RouteRef,
        /// Its version as it was seen.
        resource_version: String,
        /// Id of the change.
        change: String,
        /// The weights there now, where they are no longer those that the change set: whoever names
        /// them has seen them and means it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        over: Option<Vec<Option<u32>>>,
    },
    /// Joins two VirtualServices that split one service into one that both groups of callers follow;
    /// the other is deleted.
    Join {
        /// The object that stays.
        object: RouteRef,
        /// Its version as it was seen.
        resource_version: String,
        /// The object that goes.
        with: RouteRef,
        /// Its version as it was seen.
        with_resource_version: String,
    },
    /// Puts back what one structural change (a join) replaced, from the copies that were kept.
    Restore {
        /// An object of the change.
        object: RouteRef,
        /// Its version as it was seen.
        resource_version: String,
        /// Id of the change.
        change: String,
    },
}

impl Edit {
    /// Returns every object that it names, the one that it changes first before the others.
    pub fn objects(&self) -> Vec<&RouteRef> {
        match self {
            Edit::Join { object, with, .. } => vec![object, with],
            other => vec![other.object()],
        }
    }

    /// Returns the object that it changes first.
    pub fn object(&self) -> &RouteRef {
        match self {
            Edit::SetWeights { object, .. }
            | Edit::Undo { object, .. }
            | Edit::Join { object, .. }
            | Edit::Restore { object, .. } => object,
        }
    }
}

/// The body of `PUT /api/v1/routes/{namespace}/{kind}/{name}/weights`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetWeights {
    /// As in [`Edit::SetWeights`].
    pub resource_version: String,
    /// As in [`Edit::SetWeights`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// As in [`Edit::SetWeights`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// The rule: `http/0`.
    pub rule: String,
    /// Proportions, in the order of the rule's destinations as read.
    pub weights: Vec<u32>,
    /// Why, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Only looks at what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// The body of `POST /api/v1/routes/{namespace}/{kind}/{name}/undo`. Changes made together are taken back
/// together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// Id of the change.
    pub change: String,
    /// The object's version as it was seen.
    pub resource_version: String,
    /// As in [`Edit::Undo`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Vec<Option<u32>>>,
    /// Only looks at what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    /// Its id in the records; absent where nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// One for each object touched, in order.
    pub results: Vec<EditResult>,
    /// The first thing that went wrong, where something did: then this is the body of an answer that is
    /// not a success, and `results` says exactly what stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDetail>,
}

/// What came of one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EditResult {
    /// The object's id, `namespace/kind/name`.
    pub object: String,
    /// What came of it.
    pub outcome: Outcome,
    /// The object's version now; absent where it is gone or was not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// The live object against the changed one, as YAML, with three lines around each change.
    pub diff: Vec<DiffLine>,
    /// Whether the diff is the server's answer to a dry run; `false` means that it is only ours.
    pub server_checked: bool,
    /// What admission said, in its words.
    pub warnings: Vec<String>,
    /// What is wrong with the change, or should be known; worst first. An error refuses it.
    pub checks: Vec<Check>,
    /// What moves, where weights do and traffic is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Predicted>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDetail>,
}

/// What came of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It would work.
    Previewed,
    /// It is written.
    Applied,
    /// It is so already: nothing was written.
    Unchanged,
    /// It was refused; the object is as it was.
    Refused,
    /// It failed; the object is as it was, unless the error says that this is not known.
    Failed,
    /// It was not tried, because another edit was refused or failed.
    NotTried,
}

/// One line of a diff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffLine {
    /// What happens to the line.
    pub op: DiffOp,
    /// The line, without its end.
    pub text: String,
}

/// What happens to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DiffOp {
    /// It stays.
    Keep,
    /// It comes.
    Add,
    /// It goes.
    Remove,
    /// Lines that stay are left out here; the text says how many.
    Skip,
}

/// What a change of weights will move.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Predicted {
    /// For people: "≈ 42 requests a minute go from v1 to v2".
    pub message: String,
    /// The rule's calls per second now, all callers.
    pub rps: f64,
    /// One for each destination, in order.
    pub destinations: Vec<PredictedShare>,
}

/// What one destination will have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PredictedShare {
    /// The destination's name.
    pub name: String,
    /// The part wanted before, 0 to 1.
    pub before: f64,
    /// The part wanted after, 0 to 1.
    pub after: f64,
    /// Calls per second after.
    pub rps: f64,
    /// The same for each ready pod; absent without a ready pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rps_per_pod: Option<f64>,
}
