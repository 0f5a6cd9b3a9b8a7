//! The form of one rule: its conditions, where it sends, and what it does besides.

use leptos::prelude::*;
use mesh::api::changes::Edit;
use mesh::api::rules::{DestinationSpec, RuleSpec};
use mesh::changes::rules;

use super::draft::{DestinationDraft, MatchDraft, RuleDraft, TextDraft};
use super::{Desk, Foot, Kept, Text, place};
use crate::ui::{Icon, Symbol};

/// The form.
#[component]
pub fn RuleForm(desk: Desk, route: String, rule: String, is_new: bool) -> impl IntoView {
    let kept = expect_context::<Kept>();
    let started = kept.rule.get_untracked().unwrap_or_else(|| {
        let object = desk.object();
        let read = |at: &str| {
            let object = object.as_ref()?;
            rules::read(&object.object, at.parse().ok()?).ok()
        };
        let spec = if is_new {
            // Most new rules lead to the same service as the others.
            let other = read("http/0").unwrap_or_default();
            let to = other.destinations.last().map(|to| DestinationSpec {
                weight: None,
                ..to.clone()
            });
            RuleSpec {
                destinations: to.into_iter().collect(),
                ..RuleSpec::default()
            }
        } else {
            read(&rule).unwrap_or_default()
        };
        let mut draft = RuleDraft::of(&spec);
        if is_new {
            draft.matches.push(MatchDraft {
                headers: vec![(String::new(), text("exact"))],
                uri: text("prefix"),
                method: text("exact"),
                ..MatchDraft::default()
            });
        }
        draft
    });
    let draft = RwSignal::new(started);
    Effect::new(move |_| kept.rule.set(Some(draft.get())));
    let submit = move || {
        let (spec, faults) = draft.get_untracked().read();
        let Some(object) = place(&route) else { return };
        let edit = Edit::PutRule {
            object,
            resource_version: desk.version(),
            rule: rule.clone(),
            new: is_new,
            spec,
        };
        let gist = if is_new {
            format!("a new rule at {rule}")
        } else {
            format!("{rule} as written")
        };
        let title = if is_new {
            format!("Add a rule at {rule}")
        } else {
            format!("Change {rule}")
        };
        desk.preview(title, gist, vec![edit], faults);
    };
    let n_matches = Memo::new(move |_| draft.with(|d| d.matches.len()));
    let n_destinations = Memo::new(move |_| draft.with(|d| d.destinations.len()));
    let part = move |get: fn(&RuleDraft) -> &String| {
        Signal::derive(move || draft.with(|d| get(d).clone()))
    };
    let set = move |edit: fn(&mut RuleDraft, String)| {
        Callback::new(move |text| draft.update(|d| edit(d, text)))
    };
    view! {
        <form
            class="form"
            aria-label="Rule"
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            <fieldset class="form__part">
                <legend>"If one of these holds"</legend>
                <Show when=move || n_matches.get() == 0>
                    <p class="panel__note">"No condition: it takes every call that comes to it."</p>
                </Show>
                <For each=move || 0..n_matches.get() key=|idx| *idx children=move |idx| view! { <MatchPart desk draft idx /> } />
                <button
                    type="button"
                    class="button"
                    on:click=move |_| draft.update(|d| d.matches.push(MatchDraft {
                        headers: vec![(String::new(), text("exact"))],
                        uri: text("prefix"),
                        method: text("exact"),
                        ..MatchDraft::default()
                    }))
                >
                    <Icon symbol=Symbol::Plus />
                    "Add condition"
                </button>
            </fieldset>
            <fieldset class="form__part">
                <legend>"Send it to"</legend>
                <For
                    each=move || 0..n_destinations.get()
                    key=|idx| *idx
                    children=move |idx| view! { <DestinationPart desk draft idx /> }
                />
                <p class="field__problem" role="alert">{move || desk.problem("destinations").get()}</p>
                <button
                    type="button"
                    class="button"
                    on:click=move |_| draft.update(|d| {
                        let host = d.destinations.last().map(|to| to.host.clone()).unwrap_or_default();
                        d.destinations.push(DestinationDraft { host, ..DestinationDraft::default() });
                    })
                >
                    <Icon symbol=Symbol::Plus />
                    "Add destination"
                </button>
            </fieldset>
            <fieldset class="form__part form__grid">
                <legend>"Give up and try again"</legend>
                <Text desk label="Timeout" field="timeout" value=part(|d| &d.timeout) on_input=set(|d, t| d.timeout = t) empty="never" />
                <Text desk label="Retries" field="retries.attempts" value=part(|d| &d.retries[0]) on_input=set(|d, t| d.retries[0] = t) empty="2, Istio’s own" />
                <Text desk label="Each try for" field="retries.per_try_timeout" value=part(|d| &d.retries[1]) on_input=set(|d, t| d.retries[1] = t) />
                <Text desk label="Retry on" field="retries.retry_on" value=part(|d| &d.retries[2]) on_input=set(|d, t| d.retries[2] = t) empty="connect-failure,refused-stream,…" />
            </fieldset>
            <fieldset class="form__part form__grid">
                <legend>"Send a copy to"</legend>
                <Text desk label="Mirror host" field="mirror.host" value=part(|d| &d.mirror[0]) on_input=set(|d, t| d.mirror[0] = t) empty="none" />
                <Text desk label="Mirror subset" field="mirror.subset" value=part(|d| &d.mirror[1]) on_input=set(|d, t| d.mirror[1] = t) />
                <Text desk label="Mirrored, percent" field="mirror.percent" value=part(|d| &d.mirror[2]) on_input=set(|d, t| d.mirror[2] = t) empty="100" />
            </fieldset>
            <fieldset class="form__part form__grid">
                <legend>"Inject faults"</legend>
                <Text desk label="Delayed, percent" field="delay.percent" value=part(|d| &d.delay[0]) on_input=set(|d, t| d.delay[0] = t) empty="none" />
                <Text desk label="Delay" field="delay.length" value=part(|d| &d.delay[1]) on_input=set(|d, t| d.delay[1] = t) empty="2s" />
                <Text desk label="Aborted, percent" field="abort.percent" value=part(|d| &d.abort[0]) on_input=set(|d, t| d.abort[0] = t) empty="none" />
                <Text desk label="Abort status" field="abort.http_status" value=part(|d| &d.abort[1]) on_input=set(|d, t| d.abort[1] = t) empty="503, or UNAVAILABLE" />
            </fieldset>
            <fieldset class="form__part">
                <legend>"Name"</legend>
                <Text desk label="Name of the rule" field="name" value=part(|d| &d.name) on_input=set(|d, t| d.name = t) empty="none" />
            </fieldset>
            <Foot desk />
        </form>
    }
}

fn text(how: &str) -> TextDraft {
    TextDraft {
        how: how.to_owned(),
        text: String::new(),
    }
}

/// One entry of the conditions: all of it must hold.
#[component]
fn MatchPart(desk: Desk, draft: RwSignal<RuleDraft>, idx: usize) -> impl IntoView {
    let of = move |get: fn(&MatchDraft) -> String| {
        Signal::derive(move || draft.with(|d| d.matches.get(idx).map(get).unwrap_or_default()))
    };
    let edit = move |change: &dyn Fn(&mut MatchDraft)| {
        draft.update(|d| {
            if let Some(entry) = d.matches.get_mut(idx) {
                change(entry);
            }
        });
    };
    let n_headers =
        Memo::new(move |_| draft.with(|d| d.matches.get(idx).map_or(0, |m| m.headers.len())));
    let callers = of(|m| m.callers.clone());
    let at = |field: &str| format!("matches[{idx}].{field}");
    view! {
        <div class="form__entry" role="group" aria-label=format!("Condition {}", idx + 1)>
            <For
                each=move || 0..n_headers.get()
                key=|at| *at
                children=move |at| {
                    let name = Signal::derive(move || draft.with(|d| {
                        let header = d.matches.get(idx).and_then(|m| m.headers.get(at));
                        header.map(|(name, _)| name.clone()).unwrap_or_default()
                    }));
                    let value = Signal::derive(move || draft.with(|d| {
                        let header = d.matches.get(idx).and_then(|m| m.headers.get(at));
                        header.map(|(_, text)| text.clone()).unwrap_or_default()
                    }));
                    // Its faults name the header, which changes while it is typed.
                    let problem = Signal::derive(move || {
                        let field = format!("matches[{idx}].headers.{}", name.get().trim());
                        desk.problem(&field).get()
                    });
                    let label = format!("header {} of condition {}", at + 1, idx + 1);
                    let change = move |change: &dyn Fn(&mut (String, TextDraft))| edit(&|m: &mut MatchDraft| {
                        if let Some(header) = m.headers.get_mut(at) {
                            change(header);
                        }
                    });
                    view! {
                        <div class="form__row">
                            <label class="field">
                                <span class="field__label">"Header"</span>
                                <input
                                    class="field__input" type="text" autocomplete="off" spellcheck="false" placeholder="x-testing"
                                    aria-label=format!("Name of {label}")
                                    aria-invalid=move || problem.with(Option::is_some).to_string()
                                    prop:value=move || name.get()
                                    on:input=move |event| { let text = event_target_value(&event); change(&|h| h.0.clone_from(&text)); }
                                />
                            </label>
                            <How label=format!("How {label}") value=Signal::derive(move || value.get().how)
                                on_change=Callback::new(move |how: String| change(&|h| h.1.how.clone_from(&how))) present=true />
                            <label class="field">
                                <span class="field__label">"Value"</span>
                                <input
                                    class="field__input" type="text" autocomplete="off" spellcheck="false"
                                    aria-label=format!("Value of {label}")
                                    disabled=move || value.get().how == "present"
                                    prop:value=move || value.get().text
                                    on:input=move |event| { let text = event_target_value(&event); change(&|h| h.1.text.clone_from(&text)); }
                                />
                            </label>
                            <button type="button" class="button button--quiet button--icon" aria-label=format!("Remove {label}") title="Remove"
                                on:click=move |_| edit(&|m: &mut MatchDraft| { m.headers.remove(at); })>
                                <Icon symbol=Symbol::Close />
                            </button>
                            <span class="field__problem">{move || problem.get()}</span>
                        </div>
                    }
                }
            />
            <div class="form__row">
                <How label=format!("How the path of condition {}", idx + 1) value=of(|m| m.uri.how.clone())
                    on_change=Callback::new(move |how: String| edit(&|m| m.uri.how.clone_from(&how))) present=false />
                <Text desk label="Path" field=at("uri") value=of(|m| m.uri.text.clone())
                    on_input=Callback::new(move |t: String| edit(&|m| m.uri.text.clone_from(&t))) empty="any" />
                <Text desk label="Method" field=at("method") value=of(|m| m.method.text.clone())
                    on_input=Callback::new(move |t: String| edit(&|m| m.method.text.clone_from(&t))) empty="any" />
                <Text desk label="Through gateways" field=at("gateways") value=of(|m| m.gateways.clone())
                    on_input=Callback::new(move |t: String| edit(&|m| m.gateways.clone_from(&t))) empty="those of the route" />
            </div>
            <Show when=move || callers.with(|c| !c.is_empty())>
                <p class="panel__note">"Only for callers labelled "<code>{move || callers.get()}</code>"; that is changed as YAML."</p>
            </Show>
            <div class="drawer__actions">
                <button type="button" class="button"
                    on:click=move |_| edit(&|m: &mut MatchDraft| m.headers.push((String::new(), text("exact"))))>
                    <Icon symbol=Symbol::Plus />"Add header"
                </button>
                <button type="button" class="button" on:click=move |_| draft.update(|d| {
                    if idx < d.matches.len() { d.matches.remove(idx); }
                })>
                    <Icon symbol=Symbol::Close />"Remove condition"
                </button>
            </div>
        </div>
    }
}

/// How a text is compared.
#[component]
fn How(
    #[prop(into)] label: String,
    #[prop(into)] value: Signal<String>,
    on_change: Callback<String>,
    /// Whether it can be asked that it is there, whatever it says.
    present: bool,
) -> impl IntoView {
    let choices = [
        ("exact", "is"),
        ("prefix", "starts with"),
        ("regex", "matches"),
        ("present", "is there"),
    ];
    let options = choices
        .into_iter()
        .filter(|(how, _)| present || *how != "present")
        .map(|(how, words)| view! { <option value=how prop:selected=move || value.get() == how>{words}</option> })
        .collect_view();
    view! {
        <label class="field">
            <span class="field__label">"How"</span>
            <select class="field__input" aria-label=label on:change=move |event| on_change.run(event_target_value(&event))>
                {options}
            </select>
        </label>
    }
}

#[component]
fn DestinationPart(desk: Desk, draft: RwSignal<RuleDraft>, idx: usize) -> impl IntoView {
    let of = move |get: fn(&DestinationDraft) -> String| {
        Signal::derive(move || draft.with(|d| d.destinations.get(idx).map(get).unwrap_or_default()))
    };
    let set = move |edit: fn(&mut DestinationDraft, String)| {
        Callback::new(move |text: String| {
            draft.update(|d| {
                if let Some(to) = d.destinations.get_mut(idx) {
                    edit(to, text);
                }
            });
        })
    };
    let at = |field: &str| format!("destinations[{idx}].{field}");
    view! {
        <div class="form__row" role="group" aria-label=format!("Destination {}", idx + 1)>
            <Text desk label="Host" field=at("host") value=of(|d| d.host.clone()) on_input=set(|d, t| d.host = t) />
            <Text desk label="Subset" field=at("subset") value=of(|d| d.subset.clone()) on_input=set(|d, t| d.subset = t) empty="none" />
            <Text desk label="Port" field=at("port") value=of(|d| d.port.clone()) on_input=set(|d, t| d.port = t) empty="its own" />
            <Text desk label="Weight" field=at("weight") value=of(|d| d.weight.clone()) on_input=set(|d, t| d.weight = t) empty="all" />
            <button type="button" class="button button--quiet button--icon" aria-label=format!("Remove destination {}", idx + 1) title="Remove"
                on:click=move |_| draft.update(|d| {
                    if idx < d.destinations.len() { d.destinations.remove(idx); }
                })>
                <Icon symbol=Symbol::Close />
            </button>
        </div>
    }
}
