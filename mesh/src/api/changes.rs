//! `POST /api/v1/changes`, the one door for writes, and its forms for one object: `PUT …/weights`,
//! `POST …/undo`.

use serde::{Deserialize, Serialize};

use super::objects::ObjectRef;
use super::routes::{Check, RouteRef};
use super::rules::{BreakerSpec, GatewaySpec, RuleSpec, Seen, VersionShare};
use super::{ErrorDetail, is_false};

/// What is to be changed. All of it is looked at before any of it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// The edits, in the order in which they are written.
    pub edits: Vec<Edit>,
    /// Why, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Makes the change although no copy from before it can be kept (rule W6): then it can't be taken back by its record.
    /// Where a copy can be kept, it is.
    #[serde(default, skip_serializing_if = "is_false")]
    pub without_record: bool,
    /// Only looks at what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// One edit of one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Joins two objects into one; the other is deleted. Two VirtualServices that split one service become one
    /// that both groups of callers follow; two DestinationRules of one host become one whose policy counts.
    Join {
        /// The object that stays.
        object: ObjectRef,
        /// Its version as it was seen.
        resource_version: String,
        /// The object that goes.
        with: ObjectRef,
        /// Its version as it was seen.
        with_resource_version: String,
    },
    /// Takes a structural change back: each field that it changed is set to what it was, from the copies that
    /// were kept; what it made is deleted, what it deleted is made again.
    Restore {
        /// An object of the change.
        object: ObjectRef,
        /// Its version as it was seen.
        resource_version: String,
        /// Id of the change.
        change: String,
        /// Puts the whole object back as it was, whoever changed it since.
        #[serde(default, skip_serializing_if = "is_false")]
        whole: bool,
    },
    /// Makes an object what a manifest says: specification, labels and annotations, and nothing else of it.
    Apply {
        /// The object.
        object: ObjectRef,
        /// Its version as it was seen; absent to make it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource_version: Option<String>,
        /// The whole object, as YAML or JSON.
        manifest: String,
    },
    /// Changes one http rule of a VirtualService, or puts a new one at a place in the order.
    PutRule {
        /// The VirtualService.
        object: ObjectRef,
        /// Its version as it was seen.
        resource_version: String,
        /// The rule: `http/0`. A new one is put before the rule that is there now.
        rule: String,
        /// Whether it is a new one.
        #[serde(default, skip_serializing_if = "is_false")]
        new: bool,
        /// What it is to say.
        spec: RuleSpec,
    },
    /// Moves a rule to another place in the order, in which the first that matches counts.
    MoveRule {
        /// The VirtualService.
        object: ObjectRef,
        /// Its version as it was seen.
        resource_version: String,
        /// The rule: `http/0`.
        rule: String,
        /// Where it is to stand: `http/1`.
        to: String,
    },
    /// Removes a rule.
    RemoveRule {
        /// The VirtualService.
        object: ObjectRef,
        /// Its version as it was seen.
        resource_version: String,
        /// The rule: `http/0`.
        rule: String,
    },
    /// Splits a service that no VirtualService speaks for: subsets for its versions first, then the
    /// VirtualService that is made.
    Split {
        /// The VirtualService to be made.
        object: ObjectRef,
        /// The service, in the same namespace.
        service: String,
        /// The versions, as pods are labelled, with their proportions.
        versions: Vec<VersionShare>,
        /// The DestinationRule of the host that takes the subsets; absent for the one that there is, or a new one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<Seen>,
    },
    /// Sets the circuit breaker of a host in its DestinationRule.
    SetBreaker {
        /// The DestinationRule.
        object: ObjectRef,
        /// Its version as it was seen; absent to make it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource_version: Option<String>,
        /// The host; where the DestinationRule is there, it must be its own.
        host: String,
        /// The limits.
        breaker: BreakerSpec,
    },
    /// Sets what a Gateway opens, or makes one.
    PutGateway {
        /// The Gateway.
        object: ObjectRef,
        /// Its version as it was seen; absent to make it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource_version: Option<String>,
        /// What it opens.
        spec: GatewaySpec,
    },
    /// Sets which gateways' callers follow a VirtualService, and for which hosts it speaks.
    Bind {
        /// The VirtualService.
        object: ObjectRef,
        /// Its version as it was seen.
        resource_version: String,
        /// The gateways, as `name` or `namespace/name`; `mesh` is the sidecars.
        gateways: Vec<String>,
        /// The hosts; absent to leave them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hosts: Option<Vec<String>>,
    },
}

impl Edit {
    /// Returns every object that it names, the one that it changes first before the others.
    pub fn objects(&self) -> Vec<ObjectRef> {
        match self {
            Edit::Join { object, with, .. } => vec![object.clone(), with.clone()],
            Edit::Split {
                object,
                service,
                rule,
                ..
            } => {
                let name = rule.as_ref().map_or(service, |rule| &rule.name);
                vec![
                    ObjectRef {
                        namespace: object.namespace.clone(),
                        kind: super::objects::ObjectKind::DestinationRule,
                        name: name.clone(),
                    },
                    object.clone(),
                ]
            }
            other => vec![other.object()],
        }
    }

    /// Returns the object that it is about.
    pub fn object(&self) -> ObjectRef {
        match self {
            Edit::SetWeights { object, .. } | Edit::Undo { object, .. } => object.object(),
            Edit::Join { object, .. }
            | Edit::Restore { object, .. }
            | Edit::Apply { object, .. }
            | Edit::PutRule { object, .. }
            | Edit::MoveRule { object, .. }
            | Edit::RemoveRule { object, .. }
            | Edit::Split { object, .. }
            | Edit::SetBreaker { object, .. }
            | Edit::PutGateway { object, .. }
            | Edit::Bind { object, .. } => object.clone(),
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

/// The body of `POST /api/v1/objects/{namespace}/{kind}/{name}/undo`, and of the same below `routes`. Changes made together are taken back
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
    /// As in [`Edit::Restore`].
    #[serde(default, skip_serializing_if = "is_false")]
    pub whole: bool,
    /// As in [`ChangeRequest::without_record`].
    #[serde(default, skip_serializing_if = "is_false")]
    pub without_record: bool,
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
    /// How long is waited before it is written, in seconds: proxies must know new subsets before a route
    /// names them, and no longer use those that go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_s: Option<f64>,
    /// What is wrong with fields of the edit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<super::rules::Fault>,
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
