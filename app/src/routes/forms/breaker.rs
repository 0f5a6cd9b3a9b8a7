//! The form of a host's circuit breaker, with Istio's own limits where nothing is written.

use leptos::prelude::*;
use mesh::api::changes::Edit;
use mesh::api::rules::{BreakerSpec, EjectionSpec, Fault};
use mesh::changes::breaker;

use super::{Desk, Foot, Kept, Text, place};

/// The fields: the label, the name in the edit, and what holds where nothing is written.
const FIELDS: [(&str, &str, &str); 11] = [
    (
        "Connections at once",
        "max_connections",
        "4294967295, Istio’s own",
    ),
    (
        "Requests that wait",
        "max_pending_requests",
        "4294967295, Istio’s own",
    ),
    (
        "Requests at once",
        "max_requests",
        "4294967295, Istio’s own",
    ),
    (
        "Requests a connection",
        "max_requests_per_connection",
        "no end, Istio’s own",
    ),
    ("Retries at once", "max_retries", "4294967295, Istio’s own"),
    (
        "Ejects after 5xx in a row",
        "ejection.consecutive_5xx_errors",
        "5, where ejection is on",
    ),
    (
        "Ejects after 502 to 504 in a row",
        "ejection.consecutive_gateway_errors",
        "never, Istio’s own",
    ),
    (
        "Looked at every",
        "ejection.interval",
        "10s, where ejection is on",
    ),
    (
        "Left out for",
        "ejection.base_ejection_time",
        "30s, longer each time",
    ),
    (
        "Left out at most, percent",
        "ejection.max_ejection_percent",
        "10, where ejection is on",
    ),
    (
        "None below healthy, percent",
        "ejection.min_health_percent",
        "0, where ejection is on",
    ),
];

/// The limits as they are typed, in the order of the form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BreakerDraft {
    texts: [String; 11],
    ejects: bool,
}

impl BreakerDraft {
    /// Returns limits as they are typed.
    pub fn of(spec: &BreakerSpec) -> BreakerDraft {
        let number = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
        let ejection = spec.ejection.clone().unwrap_or_default();
        BreakerDraft {
            texts: [
                number(spec.max_connections),
                number(spec.max_pending_requests),
                number(spec.max_requests),
                number(spec.max_requests_per_connection),
                number(spec.max_retries),
                number(ejection.consecutive_5xx_errors),
                number(ejection.consecutive_gateway_errors),
                ejection.interval.unwrap_or_default(),
                ejection.base_ejection_time.unwrap_or_default(),
                number(ejection.max_ejection_percent),
                number(ejection.min_health_percent),
            ],
            ejects: spec.ejection.is_some(),
        }
    }

    /// Returns what it says, and what is wrong with it.
    pub fn read(&self) -> (BreakerSpec, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut number = |at: usize| {
            let text = self.texts.get(at).map(|t| t.trim()).unwrap_or_default();
            if text.is_empty() {
                return None;
            }
            let read = text.parse().ok();
            if read.is_none()
                && let Some((_, field, _)) = FIELDS.get(at)
            {
                faults.push(Fault {
                    field: (*field).to_owned(),
                    problem: "is not a whole number".to_owned(),
                });
            }
            read
        };
        let text = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let ejection = EjectionSpec {
            consecutive_5xx_errors: number(5),
            consecutive_gateway_errors: number(6),
            interval: text(&self.texts[7]),
            base_ejection_time: text(&self.texts[8]),
            max_ejection_percent: number(9),
            min_health_percent: number(10),
        };
        let spec = BreakerSpec {
            max_connections: number(0),
            max_pending_requests: number(1),
            max_requests: number(2),
            max_requests_per_connection: number(3),
            max_retries: number(4),
            ejection: self.ejects.then_some(ejection),
        };
        faults.extend(breaker::faults(&spec));
        (spec, faults)
    }
}

/// The form.
#[component]
pub fn BreakerForm(desk: Desk, host: String, object: String) -> impl IntoView {
    let kept = expect_context::<Kept>();
    let started = kept.breaker.get_untracked().unwrap_or_else(|| {
        let seen = desk.object();
        BreakerDraft::of(&seen.map(|o| breaker::read(&o.object)).unwrap_or_default())
    });
    let draft = RwSignal::new(started);
    Effect::new(move |_| kept.breaker.set(Some(draft.get())));
    let field = move |at: usize| {
        FIELDS.get(at).map(|(label, field, empty)| {
            let value = Signal::derive(move || {
                draft.with(|d| d.texts.get(at).cloned().unwrap_or_default())
            });
            let set = Callback::new(move |text: String| {
                draft.update(|d| {
                    if let Some(its) = d.texts.get_mut(at) {
                        *its = text;
                    }
                });
            });
            view! { <Text desk label=*label field=*field value on_input=set empty=*empty /> }
        })
    };
    let gist = format!("the limits of {host}");
    let title = format!("Set the circuit breaker of {host}");
    let submit = move || {
        let (breaker, faults) = draft.get_untracked().read();
        let Some(object) = place(&object) else { return };
        let edit = Edit::SetBreaker {
            object,
            resource_version: desk.object().map(|o| o.resource_version),
            host: host.clone(),
            breaker,
        };
        desk.preview(title.clone(), gist.clone(), vec![edit], faults);
    };
    let ejects = Memo::new(move |_| draft.with(|d| d.ejects));
    view! {
        <form
            class="form"
            aria-label="Circuit breaker"
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            <p class="panel__note">"Limits of each caller’s proxy. An empty field is not written: what stands in it then is what holds."</p>
            <fieldset class="form__part form__grid">
                <legend>"Connections and requests"</legend>
                {(0..5).map(field).collect_view()}
            </fieldset>
            <fieldset class="form__part">
                <legend>"Pods that fail"</legend>
                <label class="form__check">
                    <input
                        type="checkbox"
                        prop:checked=move || ejects.get()
                        on:change=move |event| draft.update(|d| d.ejects = event_target_checked(&event))
                    />
                    "Leave a failing pod out for a while"
                </label>
                <Show when=move || ejects.get()>
                    <div class="form__grid">{(5..11).map(field).collect_view()}</div>
                </Show>
            </fieldset>
            <Foot desk />
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_they_are_typed() {
        let spec = BreakerSpec {
            max_connections: Some(100),
            ejection: Some(EjectionSpec {
                interval: Some("30s".to_owned()),
                ..EjectionSpec::default()
            }),
            ..BreakerSpec::default()
        };
        let mut draft = BreakerDraft::of(&spec);
        assert_eq!(draft.read(), (spec, vec![]));
        draft.texts[1] = "few".to_owned();
        draft.texts[8] = "long".to_owned();
        let (_, faults) = draft.read();
        let fields: Vec<&str> = faults.iter().map(|f| f.field.as_str()).collect();
        assert_eq!(
            fields,
            ["max_pending_requests", "ejection.base_ejection_time"]
        );
    }
}
