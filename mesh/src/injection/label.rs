//! Which label lets a namespace into this mesh: what its other namespaces carry, and what runs.

use std::collections::BTreeMap;

use crate::inventory::{AMBIENT_LABEL, Injection, Inventory, NAMESPACE_LABEL, REVISION_LABEL};

/// The label that lets a namespace in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// The default revision's.
    Default,
    /// That of a revision, or of a tag.
    Revision(String),
    /// Ambient's.
    Ambient,
}

/// A label as `kubectl label` takes it.
pub struct Line {
    /// One or two labels.
    pub text: String,
    /// Whether pods that run must be restarted to follow.
    pub needs_restart: bool,
}

impl Label {
    /// Returns it as `kubectl label` takes it. `has_other`: the namespaces carry the default revision's label,
    /// which would go first.
    pub fn line(&self, has_other: bool) -> Line {
        let (text, needs_restart) = match self {
            Label::Default => (format!("{NAMESPACE_LABEL}=enabled"), true),
            Label::Revision(name) if has_other => {
                (format!("{REVISION_LABEL}={name} {NAMESPACE_LABEL}-"), true)
            }
            Label::Revision(name) => (format!("{REVISION_LABEL}={name}"), true),
            Label::Ambient => (format!("{AMBIENT_LABEL}=ambient"), false),
        };
        Line {
            text,
            needs_restart,
        }
    }
}

/// Returns the label that most of the mesh's namespaces carry, of those that something answers to; where none
/// carries one, that of the newest revision that runs.
pub fn of_mesh(inventory: &Inventory) -> Label {
    let mut carried: BTreeMap<Label, usize> = BTreeMap::new();
    for labels in inventory.namespaces.values() {
        let label = match Injection::of_namespace(labels) {
            Injection::Sidecar { revision: None } => Label::Default,
            Injection::Sidecar {
                revision: Some(name),
            } => Label::Revision(name),
            Injection::Ambient => Label::Ambient,
            Injection::Off | Injection::Unset => continue,
        };
        if is_answered(inventory, &label) {
            *carried.entry(label).or_default() += 1;
        }
    }
    // Of equals the first: sidecars before ambient.
    let most = carried.values().max().copied();
    if let Some((label, _)) = carried.into_iter().find(|(_, n)| Some(*n) == most) {
        return label;
    }
    if is_answered(inventory, &Label::Default) {
        return Label::Default;
    }
    let newest = inventory.revisions.iter().max_by_key(|name| numbers(name));
    newest.map_or(Label::Default, |name| Label::Revision(name.clone()))
}

/// Returns whether something in the cluster answers to a label. Where no control plane is seen (it may run
/// elsewhere) all are taken for good.
fn is_answered(inventory: &Inventory, label: &Label) -> bool {
    if inventory.revisions.is_empty() {
        return true;
    }
    match label {
        // On the AKS add-on only named revisions run, and nobody hears of `istio-injection`.
        Label::Default => inventory.revision_behind(None).is_some(),
        Label::Revision(name) => inventory.revision_behind(Some(name)).is_some(),
        Label::Ambient => inventory.has_ztunnel,
    }
}

/// `asm-1-9` is older than `asm-1-26`, which its text is not.
fn numbers(name: &str) -> (Vec<u64>, &str) {
    let parts = name.split(|c: char| !c.is_ascii_digit());
    (parts.filter_map(|part| part.parse().ok()).collect(), name)
}
