//! An object as YAML, to read and to edit.

use leptos::html;
use leptos::prelude::*;
use mesh::api::changes::Edit;
use mesh::api::routes::RouteRef;

use super::history::ObjectHistory;
use super::{Desk, Foot, Kept, place};

/// The object's text with its line numbers.
#[component]
pub fn YamlForm(desk: Desk, id: String) -> impl IntoView {
    let kept = expect_context::<Kept>();
    let object = desk.object();
    let can_be_changed = object.as_ref().is_some_and(|o| o.can_be_changed);
    let started = object.map(|o| o.yaml).unwrap_or_default();
    let text = RwSignal::new(kept.text.get_untracked().unwrap_or(started));
    Effect::new(move |_| kept.text.set(Some(text.get())));
    let n_lines = Memo::new(move |_| text.with(|t| t.split('\n').count()));
    let gutter = NodeRef::<html::Pre>::new();
    let area = NodeRef::<html::Textarea>::new();
    let numbers = move || {
        (1..=n_lines.get())
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let name = id.rsplit('/').next().unwrap_or(&id).to_owned();
    let label = format!("{name} as YAML");
    // A route's changes stand on its own page.
    let is_route = id.parse::<RouteRef>().is_ok();
    let history = (can_be_changed && !is_route).then(|| id.clone());
    let submit = move || {
        let Some(object) = place(&id) else { return };
        let edit = Edit::Apply {
            object,
            resource_version: Some(desk.version()),
            manifest: text.get_untracked(),
        };
        desk.preview(
            format!("Change {name}"),
            format!("{name} as written"),
            vec![edit],
            Vec::new(),
        );
    };
    view! {
        <form
            class="form"
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            <p class="panel__note">
                {if can_be_changed {
                    "Specification, labels and annotations can be changed; what the server keeps is left to it."
                } else {
                    "This kind of object is only shown here."
                }}
            </p>
            <div class="yaml">
                <pre class="yaml__numbers" aria-hidden="true" node_ref=gutter>{numbers}</pre>
                <textarea
                    class="yaml__text"
                    aria-label=label
                    spellcheck="false"
                    autocomplete="off"
                    wrap="off"
                    rows="28"
                    readonly=!can_be_changed
                    node_ref=area
                    prop:value=move || text.get()
                    on:input=move |event| text.set(event_target_value(&event))
                    on:scroll=move |_| {
                        if let (Some(gutter), Some(area)) = (gutter.get_untracked(), area.get_untracked()) {
                            gutter.set_scroll_top(area.scroll_top());
                        }
                    }
                ></textarea>
            </div>
            {can_be_changed.then(|| view! { <Foot desk /> })}
        </form>
        {history.map(|id| view! { <ObjectHistory helm=desk.helm id /> })}
    }
}
