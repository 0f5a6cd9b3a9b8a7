//! Findings put together by object, and told in words.

use mesh::api::checks::{Checks, Finding};
use mesh::api::objects::ObjectRow;
use mesh::api::routes::{Check, Severity};
use mesh::api::workload::ObjectLink;

use crate::routes::words;

/// An object with what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faulty {
    /// The object.
    pub about: ObjectLink,
    /// Worst first; never empty.
    pub checks: Vec<Check>,
}

impl Faulty {
    /// Returns what tells it from the others.
    pub fn id(&self) -> String {
        let about = &self.about;
        format!("{}/{}/{}", about.namespace, about.kind, about.name)
    }

    /// Returns how bad the worst of it is.
    pub fn worst(&self) -> Severity {
        let severities = self.checks.iter().map(|check| check.severity);
        severities.min().unwrap_or(Severity::Info)
    }

    /// Returns its name; that of its kind, where that could not be listed.
    pub fn name(&self) -> &str {
        match self.about.name.as_str() {
            "" => &self.about.kind,
            name => name,
        }
    }

    /// Returns what it is: "DestinationRule in default".
    pub fn what(&self) -> String {
        match self.about.name.as_str() {
            "" => "a kind that could not be listed".to_owned(),
            _ => format!("{} in {}", self.about.kind, self.about.namespace),
        }
    }
}

/// Puts findings together by object, those with the worst first. Only those of a severity, where one is chosen, and
/// with all words of `text`.
pub fn by_object(items: &[Finding], severity: Option<Severity>, text: Option<&str>) -> Vec<Faulty> {
    let text = text.unwrap_or_default().to_lowercase();
    let wanted: Vec<&str> = text.split_whitespace().collect();
    let fits = |finding: &&Finding| {
        let said = said(finding);
        severity.is_none_or(|it| it == finding.check.severity)
            && wanted.iter().all(|word| said.contains(word))
    };
    let mut faulty: Vec<Faulty> = Vec::new();
    // Findings come errors first, so that objects do as well.
    for finding in items.iter().filter(fits) {
        match faulty.iter_mut().find(|it| it.about == finding.about) {
            Some(it) => it.checks.push(finding.check.clone()),
            None => faulty.push(Faulty {
                about: finding.about.clone(),
                checks: vec![finding.check.clone()],
            }),
        }
    }
    faulty
}

/// All that can be read of a finding, in lower case.
fn said(Finding { about, check }: &Finding) -> String {
    let optional = [&check.path, &check.mend, &check.other];
    let mut words = vec![
        about.kind.as_str(),
        &about.namespace,
        &about.name,
        &check.object,
        &check.code,
        &check.message,
        &check.why,
    ];
    words.extend(optional.into_iter().flatten().map(String::as_str));
    words.extend(check.also_known_as.iter().map(String::as_str));
    words.join(" ").to_lowercase()
}

/// Returns the objects with all words of `text` in kind, namespace, name or API.
pub fn fitting(items: &[ObjectRow], text: Option<&str>) -> Vec<ObjectRow> {
    let text = text.unwrap_or_default().to_lowercase();
    let wanted: Vec<&str> = text.split_whitespace().collect();
    let fits = |row: &&ObjectRow| {
        let about = &row.object;
        let said = [&about.kind, &about.namespace, &about.name, &row.api_version];
        let said = said.map(|it| it.to_lowercase()).join(" ");
        wanted.iter().all(|word| said.contains(word))
    };
    items.iter().filter(fits).cloned().collect()
}

/// Returns `1 object`, `31 objects`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Returns `4 findings, 31 objects checked: 2 errors, 1 warning, 1 note`.
pub fn tally(told: &Checks) -> String {
    let n = told.items.len();
    let checked = usize::try_from(told.objects).unwrap_or(usize::MAX);
    let whole = format!(
        "{}, {} checked",
        count(n, "finding", "findings"),
        count(checked, "object", "objects")
    );
    let kinds: Vec<String> = words::tally(told.items.iter().map(|it| &it.check))
        .into_iter()
        .map(|(severity, n)| format!("{n} {}", words::severity(severity, n)))
        .collect();
    match kinds.is_empty() {
        true => whole,
        false => format!("{whole}: {}", kinds.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Severity, kind: &str, name: &str, code: &str) -> Finding {
        Finding {
            about: ObjectLink {
                kind: kind.to_owned(),
                namespace: "default".to_owned(),
                name: name.to_owned(),
                route: None,
            },
            check: Check {
                code: "code".to_owned(),
                also_known_as: vec![code.to_owned()],
                severity,
                object: format!("default/{}/{name}", kind.to_lowercase()),
                other: None,
                path: None,
                message: "Says so.".to_owned(),
                why: String::new(),
                mend: None,
                command: None,
                yaml: None,
            },
        }
    }

    fn findings() -> Vec<Finding> {
        vec![
            finding(Severity::Error, "Gateway", "web", "IST0101"),
            finding(Severity::Warning, "DestinationRule", "backend", "KIA0201"),
            finding(Severity::Info, "Gateway", "web", "IST0112"),
        ]
    }

    fn names(severity: Option<Severity>, text: &str) -> Vec<String> {
        let faulty = by_object(&findings(), severity, Some(text));
        let line = |it: &Faulty| format!("{} {}", it.name(), it.checks.len());
        faulty.iter().map(line).collect()
    }

    #[test]
    fn findings_stand_by_object_with_the_worst_first() {
        assert_eq!(names(None, ""), ["web 2", "backend 1"]);
        assert_eq!(names(Some(Severity::Info), ""), ["web 1"]);
        assert_eq!(names(None, "kia0201"), ["backend 1"]);
        assert_eq!(names(None, "gateway ist0101"), ["web 1"]);
        assert_eq!(names(Some(Severity::Error), "backend"), [""; 0]);
        let faulty = by_object(&findings(), None, None);
        assert_eq!(faulty[0].worst(), Severity::Error);
        assert_eq!(faulty[1].what(), "DestinationRule in default");
    }

    #[test]
    fn a_kind_that_could_not_be_listed_has_no_name_of_its_own() {
        let unread = by_object(&[finding(Severity::Info, "Service", "", "")], None, None);
        assert_eq!(unread[0].name(), "Service");
        assert_eq!(unread[0].what(), "a kind that could not be listed");
    }

    #[test]
    fn the_tally_counts_findings_and_what_was_looked_at() {
        let mut told = Checks {
            items: findings(),
            objects: 31,
            notices: Vec::new(),
        };
        assert_eq!(
            tally(&told),
            "3 findings, 31 objects checked: 1 error, 1 warning, 1 note"
        );
        told.items.clear();
        told.objects = 1;
        assert_eq!(tally(&told), "0 findings, 1 object checked");
    }
}
