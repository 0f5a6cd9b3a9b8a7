//! A change that is looked at before it is made.

use mesh::api::changes::{ChangeRequest, Changes, Edit, Undo};
use mesh::api::routes::{Change, SplitRef};

use crate::fetch::{self, Problem, Refused};
use crate::url;

/// A change, as it is shown before it is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// What it does: "Send 30 % to v2".
    pub title: String,
    /// The same in the words of the button that does it: "30 % to v2".
    pub gist: String,
    /// What is sent.
    pub what: What,
    /// The routes it changes, by id.
    pub touches: Vec<String>,
    /// The drafts that it makes come true.
    pub settles: Vec<SplitRef>,
}

/// What is sent to the server.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Edits, all or none.
    Edits(Vec<Edit>),
    /// A change of a route taken back.
    Undo {
        /// The route's id.
        route: String,
        /// The change, as the record says it.
        change: Box<Change>,
        /// The version of the route that was seen.
        resource_version: String,
        /// The weights there now, where the person saw that they are no longer those of the change.
        over: Option<Vec<Option<u32>>>,
        /// Puts the whole object back, where the person saw that someone changed it since.
        whole: bool,
    },
}

impl What {
    /// Returns whether the whole object is put back, where it takes a structural change of one back.
    pub fn whole(&mut self) -> Option<&mut bool> {
        match self {
            What::Undo { whole, .. } => Some(whole),
            What::Edits(edits) => match edits.as_mut_slice() {
                [Edit::Restore { whole, .. }] => Some(whole),
                _ => None,
            },
        }
    }
}

impl Proposal {
    /// Returns whether a reason can be kept with it.
    pub fn takes_a_reason(&self) -> bool {
        matches!(self.what, What::Edits(_))
    }

    /// Sends it, or asks what it would do; `without_record` also where no copy from before can be kept.
    ///
    /// # Errors
    /// Where it was refused or failed; what stands then is said for each object.
    pub async fn send(
        &self,
        dry_run: bool,
        reason: Option<String>,
        without_record: bool,
    ) -> Result<Changes, Refused> {
        let sent = match &self.what {
            What::Edits(edits) => {
                let body = ChangeRequest {
                    edits: edits.clone(),
                    reason,
                    without_record,
                    dry_run,
                };
                fetch::post(url::CHANGES, &body).await
            }
            What::Undo {
                route,
                change,
                resource_version,
                over,
                whole,
            } => {
                let body = Undo {
                    change: change.change.clone(),
                    resource_version: resource_version.clone(),
                    over: over.clone(),
                    whole: *whole,
                    without_record,
                    dry_run,
                };
                fetch::post(&url::undo(route), &body).await
            }
        };
        sent.map_err(|refused| {
            let lost = matches!(refused.problem.kind.as_str(), "offline" | "malformed");
            if lost && !dry_run {
                unknown_outcome()
            } else {
                refused
            }
        })
    }
}

/// The change was sent and no answer came: it may stand.
fn unknown_outcome() -> Refused {
    Refused {
        problem: Problem {
            kind: "unknown_outcome".to_owned(),
            message: "The change was sent, and no answer came back.".to_owned(),
            hint: Some("Look at the weights and the history before you try again.".to_owned()),
        },
        results: Vec::new(),
    }
}
