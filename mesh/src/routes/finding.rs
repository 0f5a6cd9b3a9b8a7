//! Findings are put together word by word.

use crate::api::routes::{Check, Severity};

impl Check {
    /// Returns what should be known of a change of `object` from before which no copy can be kept (rule W6).
    pub fn unrecorded(object: &str, why: &str) -> Check {
        Check::new("no_record", Severity::Warning, object)
            .says(format!("No copy from before this change is kept: {why}."))
            .because("It can't be taken back from here.")
    }

    /// Returns a finding without words.
    pub(super) fn new(code: &str, severity: Severity, object: &str) -> Check {
        Check {
            code: code.to_owned(),
            also_known_as: Vec::new(),
            severity,
            object: object.to_owned(),
            other: None,
            path: None,
            message: String::new(),
            why: String::new(),
            mend: None,
            command: None,
            yaml: None,
        }
    }

    /// Where in the object.
    pub(super) fn at(mut self, path: String) -> Check {
        self.path = Some(path);
        self
    }

    /// What other catalogues call it.
    pub(super) fn known_as(mut self, codes: &[&str]) -> Check {
        self.also_known_as = codes.iter().map(|code| (*code).to_owned()).collect();
        self
    }

    /// What is so.
    pub(super) fn says(mut self, message: String) -> Check {
        self.message = message;
        self
    }

    /// Why it matters.
    pub(super) fn because(mut self, why: &str) -> Check {
        self.why = why.to_owned();
        self
    }

    /// What to do about it.
    pub(super) fn mended(mut self, mend: &str) -> Check {
        self.mend = Some(mend.to_owned());
        self
    }

    /// The command that does it.
    pub(super) fn by_command(mut self, command: String) -> Check {
        self.command = Some(command);
        self
    }

    /// What to write into an object.
    pub(super) fn by_yaml(mut self, yaml: String) -> Check {
        self.yaml = Some(yaml);
        self
    }

    /// Which other object it takes.
    pub(super) fn beside(mut self, other: &str) -> Check {
        self.other = Some(other.to_owned());
        self
    }
}
