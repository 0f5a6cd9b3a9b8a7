//! The form of who follows a route: gateways and hosts.

use leptos::prelude::*;
use mesh::api::changes::Edit;
use mesh::object::list_at;

use super::draft::names;
use super::{Desk, Foot, Kept, Text, place};

/// Names joined by commas, as they are typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BindDraft {
    gateways: String,
    hosts: String,
}

/// The form.
#[component]
pub fn BindForm(desk: Desk, id: String) -> impl IntoView {
    let kept = expect_context::<Kept>();
    let started = kept.bind.get_untracked().unwrap_or_else(|| {
        let object = desk.object().map(|o| o.object).unwrap_or_default();
        let list = |pointer: &str| {
            let names = list_at(&object, pointer).filter_map(|name| name.as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        BindDraft {
            gateways: list("/spec/gateways"),
            hosts: list("/spec/hosts"),
        }
    });
    let draft = RwSignal::new(started);
    Effect::new(move |_| kept.bind.set(Some(draft.get())));
    let name = id.rsplit('/').next().unwrap_or(&id).to_owned();
    let submit = move || {
        let Some(object) = place(&id) else { return };
        let wanted = draft.get_untracked();
        let edit = Edit::Bind {
            object,
            resource_version: desk.version(),
            gateways: names(&wanted.gateways),
            hosts: Some(names(&wanted.hosts)),
        };
        desk.preview(
            format!("Bind {name}"),
            "these hosts and gateways".to_owned(),
            vec![edit],
            Vec::new(),
        );
    };
    view! {
        <form
            class="form"
            aria-label="Hosts and gateways"
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            <p class="panel__note">
                "Names are joined by commas. "<code>"mesh"</code>" is the sidecars; a gateway is written as its name, or "
                <code>"namespace/name"</code>". None at all is the sidecars alone."
            </p>
            <Text desk label="Gateways" field="gateways" value=Signal::derive(move || draft.get().gateways)
                on_input=Callback::new(move |text| draft.update(|d| d.gateways = text)) empty="mesh" />
            <Text desk label="Hosts" field="hosts" value=Signal::derive(move || draft.get().hosts)
                on_input=Callback::new(move |text| draft.update(|d| d.hosts = text)) />
            <Foot desk />
        </form>
    }
}
