//! The form that splits a service without routing over its versions.

use leptos::prelude::*;
use mesh::api::changes::Edit;
use mesh::api::objects::{ObjectKind, ObjectRef};
use mesh::api::routes::Service;
use mesh::api::rules::{Fault, VersionShare};

use super::{Desk, Foot, Kept, Text};

/// A service, and what each version is to have.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitDraft {
    /// The service's namespace.
    pub namespace: String,
    /// Its name.
    pub service: String,
    /// Versions with their weights as typed.
    pub versions: Vec<(String, String)>,
}

impl SplitDraft {
    /// Returns a split that changes nothing yet: the first version keeps all calls.
    pub fn of(service: &Service) -> SplitDraft {
        let mut names: Vec<String> = service.versions.iter().map(|v| v.name.clone()).collect();
        names.dedup();
        let weight = |idx: usize| if idx == 0 { "100" } else { "0" };
        let versions = names.into_iter().enumerate();
        SplitDraft {
            namespace: service.namespace.clone(),
            service: service.name.clone(),
            versions: versions
                .map(|(idx, name)| (name, weight(idx).to_owned()))
                .collect(),
        }
    }

    /// Returns the edit, and what is wrong with it.
    fn read(&self) -> (Edit, Vec<Fault>) {
        let mut faults = Vec::new();
        let versions = self.versions.iter().enumerate();
        let versions = versions
            .map(|(idx, (version, weight))| VersionShare {
                version: version.clone(),
                weight: weight.trim().parse().unwrap_or_else(|_| {
                    faults.push(Fault {
                        field: format!("versions[{idx}].weight"),
                        problem: "is not a whole number".to_owned(),
                    });
                    0
                }),
            })
            .collect();
        let edit = Edit::Split {
            object: ObjectRef {
                namespace: self.namespace.clone(),
                kind: ObjectKind::VirtualService,
                name: self.service.clone(),
            },
            service: self.service.clone(),
            versions,
            rule: None,
        };
        (edit, faults)
    }
}

/// The form.
#[component]
pub fn SplitForm(desk: Desk, split: SplitDraft) -> impl IntoView {
    let kept = expect_context::<Kept>();
    let draft = RwSignal::new(kept.split.get_untracked().unwrap_or(split));
    Effect::new(move |_| kept.split.set(Some(draft.get())));
    let n = draft.with_untracked(|d| d.versions.len());
    let fields = (0..n)
        .map(|idx| {
            let name = draft.with_untracked(|d| d.versions.get(idx).map(|v| v.0.clone()).unwrap_or_default());
            let value = Signal::derive(move || draft.with(|d| d.versions.get(idx).map(|v| v.1.clone()).unwrap_or_default()));
            let set = Callback::new(move |text: String| {
                draft.update(|d| {
                    if let Some(version) = d.versions.get_mut(idx) {
                        version.1 = text;
                    }
                });
            });
            view! { <Text desk label=format!("Weight of {name}") field=format!("versions[{idx}].weight") value on_input=set /> }
        })
        .collect_view();
    let submit = move || {
        let (edit, faults) = draft.get_untracked().read();
        let service = draft.with_untracked(|d| d.service.clone());
        desk.preview(
            format!("Split {service}"),
            format!("{service} split"),
            vec![edit],
            faults,
        );
    };
    view! {
        <form
            class="form"
            aria-label="Split"
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            <p class="panel__note">
                "Each version becomes a subset of the service’s DestinationRule; once proxies know of them, a VirtualService \
                 shares the calls out. Weights are proportions."
            </p>
            <div class="form__grid">{fields}</div>
            <Foot desk />
        </form>
    }
}
