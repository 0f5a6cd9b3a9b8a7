//! What is written by hand, before anything is sent: a rule, a whole object, a split, the limits of a host, who
//! follows a route. Each is drawn over the object as it was seen, and waits behind the look at what it would do.

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::changes::Edit;
use mesh::api::objects::{ObjectRef, WholeObject};
use mesh::api::rules::Fault;

use super::editor::{HEADING, Helm, Note};
use super::proposal::{Proposal, What};
use crate::fetch::{self, Answer, Problem};
use crate::ui::state::{Skeleton, sentence};
use crate::ui::{Drawer, Icon, Symbol};
use crate::url;

mod bind;
mod breaker;
mod draft;
mod gateway;
mod history;
mod rule;
mod split;
mod yaml;

pub use bind::BindDraft;
pub use breaker::BreakerDraft;
pub use draft::RuleDraft;
pub use gateway::GatewayDraft;
pub use split::SplitDraft;

use bind::BindForm;
use breaker::BreakerForm;
use gateway::GatewayForm;
use rule::RuleForm;
use split::SplitForm;
use yaml::YamlForm;

/// What is being written.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// One rule of a VirtualService.
    Rule {
        /// The route's id.
        route: String,
        /// Its place: `http/0`.
        rule: String,
        /// Whether it is a new one.
        new: bool,
    },
    /// A whole object, by its id.
    Yaml(String),
    /// A service that no route names: its id, and its versions.
    Split(SplitDraft),
    /// The limits of a host.
    Breaker {
        /// The host, as it is to be written.
        host: String,
        /// The DestinationRule's id.
        object: String,
        /// Whether it is there.
        exists: bool,
    },
    /// Who follows a route, by its id.
    Bind(String),
    /// What a Gateway opens, by its id; a new one, where there is none.
    Gateway(Option<String>),
}

impl Form {
    fn title(&self) -> String {
        let name = |id: &String| id.rsplit('/').next().unwrap_or(id).to_owned();
        match self {
            Form::Rule {
                route, new: true, ..
            } => format!("Add a rule to {}", name(route)),
            Form::Rule { route, rule, .. } => format!("Edit {rule} of {}", name(route)),
            Form::Yaml(id) => format!("{} as YAML", name(id)),
            Form::Split(split) => format!("Split {}", split.service),
            Form::Breaker { host, .. } => format!("Circuit breaker of {host}"),
            Form::Bind(id) => format!("Who follows {}", name(id)),
            Form::Gateway(Some(id)) => format!("Ports of {}", name(id)),
            Form::Gateway(None) => "New gateway".to_owned(),
        }
    }

    /// The object that it is drawn over, where there is one.
    fn object(&self) -> Option<&String> {
        match self {
            Form::Rule { route, .. } => Some(route),
            Form::Yaml(id) | Form::Bind(id) => Some(id),
            Form::Breaker { object, exists, .. } => exists.then_some(object),
            Form::Gateway(id) => id.as_ref(),
            Form::Split(_) => None,
        }
    }
}

/// The drawer of what is being written, while nothing is looked at.
#[component]
pub fn Forms(helm: Helm) -> impl IntoView {
    let form = Memo::new(move |_| helm.form.get());
    move || form.get().map(|form| view! { <Sheet helm form /> })
}

#[component]
fn Sheet(helm: Helm, form: Form) -> impl IntoView {
    let seen = RwSignal::new(None::<Result<WholeObject, Problem>>);
    // Whether the object is a newer one than the draft was drawn over.
    let drifted = RwSignal::new(false);
    let object = form.object().cloned();
    let has_object = object.is_some();
    if let Some(id) = object.clone() {
        spawn_local(async move {
            let got = read(&id).await;
            seen.try_set(Some(got));
        });
    }
    // After a refusal for a newer version both sides are shown; the draft stays.
    Effect::new(move |was: Option<bool>| {
        let is_looked_at = helm.proposal.with(Option::is_some);
        if was == Some(true)
            && !is_looked_at
            && let Some(id) = object.clone()
        {
            spawn_local(async move {
                let Ok(now) = read(&id).await else { return };
                let version = |o: &WholeObject| o.resource_version.clone();
                let before = seen.with_untracked(|s| s.as_ref()?.as_ref().ok().map(version));
                if before.is_some_and(|before| before != now.resource_version) {
                    drifted.try_set(true);
                    seen.try_update(|seen| {
                        // The form below keeps what it was drawn with: only the version it names is new.
                        if let Some(Ok(seen)) = seen {
                            seen.resource_version = now.resource_version;
                            seen.yaml = now.yaml;
                        }
                    });
                }
            });
        }
        is_looked_at
    });
    let title = form.title();
    let hidden = Memo::new(move |_| helm.proposal.with(Option::is_some));
    let close = Callback::new(move |()| helm.form.set(None));
    let ready = Memo::new(move |_| !has_object || seen.with(Option::is_some));
    let desk = Desk {
        helm,
        seen,
        faults: RwSignal::new(Vec::new()),
    };
    let form = StoredValue::new(form);
    // Kept over the look at what it would do: what was written is not lost by looking.
    let kept = Kept::default();
    provide_context(kept);
    let title = StoredValue::new(title);
    view! {
        <Show when=move || !hidden.get()>
            <Drawer title=Signal::derive(move || title.get_value()) fallback=HEADING on_close=close>
                <div class="drawer__body">
                    <Show when=move || drifted.get()>
                        <div class="refusal refusal--asks" role="alert">
                            <div class="refusal__words">
                                <p><b>"Someone changed it since you began. "</b>"Your draft is kept; this is what it is now:"</p>
                                <pre class="snippet__text form__theirs" tabindex="0">
                                    {move || desk.seen.with(|s| match s {
                                        Some(Ok(now)) => now.yaml.clone(),
                                        _ => String::new(),
                                    })}
                                </pre>
                                <p>"Go on with your draft, or close it and begin from here."</p>
                            </div>
                        </div>
                    </Show>
                    {move || {
                        if !ready.get() {
                            return view! { <Skeleton lines=6 label="Loading the object" /> }.into_any();
                        }
                        if let Some(Err(problem)) = desk.seen.get_untracked() {
                            return view! {
                                <p class="refusal__words" role="alert">
                                    {problem.message}" "{problem.hint.map(|hint| sentence(&hint))}
                                </p>
                            }
                            .into_any();
                        }
                        match form.get_value() {
                            Form::Rule { route, rule, new } => view! { <RuleForm desk route rule is_new=new /> }.into_any(),
                            Form::Yaml(id) => view! { <YamlForm desk id /> }.into_any(),
                            Form::Split(split) => view! { <SplitForm desk split /> }.into_any(),
                            Form::Breaker { host, object, .. } => {
                                view! { <BreakerForm desk host object /> }.into_any()
                            }
                            Form::Bind(id) => view! { <BindForm desk id /> }.into_any(),
                            Form::Gateway(id) => view! { <GatewayForm desk id /> }.into_any(),
                        }
                    }}
                </div>
            </Drawer>
        </Show>
    }
}

/// What came of the last change, where no history stands beside it; with the way back.
#[component]
pub fn Came(helm: Helm) -> impl IntoView {
    move || {
        helm.note.get().map(|note| {
            let (text, undo) = match note {
                Note::Done { text, undo, .. } => (text, undo),
                Note::Refused { refused, .. } => (refused.problem.message, None),
            };
            view! {
                <div class="note note--done" role="status">
                    <Icon symbol=Symbol::Tick />
                    <p class="note__text">{text}</p>
                    {undo.map(|undo| view! {
                        <button type="button" class="button" on:click=move |_| {
                            let (object, change) = undo.clone();
                            take_back(helm, object, change);
                        }>
                            <Icon symbol=Symbol::Undo />
                            "Undo…"
                        </button>
                    })}
                </div>
            }
        })
    }
}

/// Looks at what taking a structural change of an object back would do.
fn take_back(helm: Helm, object: String, change: String) {
    spawn_local(async move {
        let (Ok(seen), Some(place)) = (read(&object).await, place(&object)) else {
            helm.say("The object could not be read.".to_owned());
            return;
        };
        helm.note.try_set(None);
        helm.proposal.try_set(Some(Proposal {
            title: "Undo".to_owned(),
            gist: "as it was before".to_owned(),
            what: What::Edits(vec![Edit::Restore {
                object: place,
                resource_version: seen.resource_version,
                change,
                whole: false,
            }]),
            touches: vec![object],
            settles: Vec::new(),
        }));
    });
}

async fn read(id: &str) -> Result<WholeObject, Problem> {
    match fetch::get::<WholeObject>(&url::object(id), None, None).await? {
        Answer::Fresh { value, .. } => Ok(value),
        // Asked without an entity tag, it is never said to be unchanged.
        Answer::Unchanged => Err(Problem {
            kind: "malformed".to_owned(),
            message: "The server did not send the object.".to_owned(),
            hint: None,
        }),
    }
}

/// What a form has at hand; cheap to copy.
#[derive(Clone, Copy)]
struct Desk {
    helm: Helm,
    seen: RwSignal<Option<Result<WholeObject, Problem>>>,
    faults: RwSignal<Vec<Fault>>,
}

/// Drafts of forms that are closed while what they would do is looked at.
#[derive(Clone, Copy, Default)]
struct Kept {
    rule: RwSignal<Option<RuleDraft>>,
    text: RwSignal<Option<String>>,
    split: RwSignal<Option<SplitDraft>>,
    breaker: RwSignal<Option<BreakerDraft>>,
    bind: RwSignal<Option<BindDraft>>,
    gateway: RwSignal<Option<GatewayDraft>>,
}

impl Desk {
    /// The object that the draft is drawn over.
    fn object(self) -> Option<WholeObject> {
        self.seen
            .with_untracked(|seen| seen.as_ref()?.as_ref().ok().cloned())
    }

    /// The version that a write must name.
    fn version(self) -> String {
        self.object()
            .map(|o| o.resource_version)
            .unwrap_or_default()
    }

    /// Looks at what edits would do, unless something is wrong with what was written.
    fn preview(self, title: String, gist: String, edits: Vec<Edit>, faults: Vec<Fault>) {
        let n = faults.len();
        self.faults.set(faults);
        if n > 0 {
            let fields = if n == 1 { "field is" } else { "fields are" };
            self.helm.say(format!("{n} {fields} wrong."));
            focus_first_wrong();
            return;
        }
        let objects = edits.iter().flat_map(Edit::objects);
        let touches: Vec<String> = objects.map(|object| object.to_string()).collect();
        self.helm.note.set(None);
        self.helm.proposal.set(Some(Proposal {
            title,
            gist,
            what: What::Edits(edits),
            touches,
            settles: Vec::new(),
        }));
    }

    /// What is wrong with a field, as a sentence.
    fn problem(self, field: &str) -> Signal<Option<String>> {
        let field = field.to_owned();
        Signal::derive(move || {
            self.faults.with(|faults| {
                let mut its = faults.iter().filter(|f| f.field == field);
                its.next().map(|f| format!("This {}.", f.problem))
            })
        })
    }
}

/// Leads to what must be mended.
fn focus_first_wrong() {
    request_animation_frame(|| {
        let found = document()
            .query_selector(".drawer [aria-invalid=true]")
            .ok()
            .flatten();
        if let Some(element) = found {
            use wasm_bindgen::JsCast;
            if let Ok(element) = element.dyn_into::<web_sys::HtmlElement>() {
                let _ = element.focus();
            }
        }
    });
}

fn place(id: &str) -> Option<ObjectRef> {
    id.parse().ok()
}

/// A field of a form: its label, what is wrong with it beside it.
#[component]
fn Text(
    desk: Desk,
    /// What it is called.
    #[prop(into)]
    label: String,
    /// The field's name in the edit, which its faults name.
    #[prop(into)]
    field: String,
    /// What is in it.
    #[prop(into)]
    value: Signal<String>,
    /// Hears of what is written.
    on_input: Callback<String>,
    /// What stands in it while it is empty.
    #[prop(into, optional)]
    empty: String,
) -> impl IntoView {
    let problem = desk.problem(&field);
    let id = format!("field-{}", field.replace(['[', ']', '.'], "-"));
    let about = format!("{id}-problem");
    view! {
        <label class="field">
            <span class="field__label">{label}</span>
            <input
                class="field__input"
                type="text"
                id=id
                autocomplete="off"
                spellcheck="false"
                placeholder=empty
                aria-invalid=move || problem.with(Option::is_some).to_string()
                aria-describedby=about.clone()
                prop:value=move || value.get()
                on:input=move |event| on_input.run(event_target_value(&event))
            />
            <span class="field__problem" id=about>{move || problem.get()}</span>
        </label>
    }
}

/// The foot of a form.
#[component]
fn Foot(desk: Desk) -> impl IntoView {
    view! {
        <div class="drawer__actions form__foot">
            <button type="submit" class="button button--primary">"Preview…"</button>
            <button type="button" class="button" on:click=move |_| desk.helm.form.set(None)>"Close"</button>
        </div>
    }
}
