//! The form of what a Gateway opens: its ports, their hosts and certificates.

use leptos::prelude::*;
use mesh::api::changes::Edit;
use mesh::api::objects::{ObjectKind, ObjectRef};
use mesh::api::rules::{Fault, GatewaySpec, ServerSpec};
use mesh::changes::gateway;

use super::draft::names;
use super::{Desk, Foot, Kept, Text, place};
use crate::ui::{Icon, Symbol};

/// One port as it is typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerDraft {
    port: String,
    name: String,
    protocol: String,
    hosts: String,
    credential_name: String,
    https_redirect: bool,
}

/// What a Gateway opens, as it is typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatewayDraft {
    /// Where it is made; of one that is there, its own place.
    namespace: String,
    name: String,
    /// Labels, written `name=value` and joined by commas.
    selector: String,
    servers: Vec<ServerDraft>,
}

impl ServerDraft {
    fn of(spec: &ServerSpec) -> ServerDraft {
        ServerDraft {
            port: spec.port.to_string(),
            name: spec.name.clone(),
            protocol: spec.protocol.clone(),
            hosts: spec.hosts.join(", "),
            credential_name: spec.credential_name.clone().unwrap_or_default(),
            https_redirect: spec.https_redirect,
        }
    }

    fn http() -> ServerDraft {
        ServerDraft {
            port: "80".to_owned(),
            name: "http".to_owned(),
            protocol: "HTTP".to_owned(),
            ..ServerDraft::default()
        }
    }

    fn https() -> ServerDraft {
        ServerDraft {
            port: "443".to_owned(),
            name: "https".to_owned(),
            protocol: "HTTPS".to_owned(),
            ..ServerDraft::default()
        }
    }
}

impl GatewayDraft {
    /// Returns a new one, for the pods that Istio's own chart labels.
    fn new() -> GatewayDraft {
        GatewayDraft {
            namespace: "default".to_owned(),
            selector: "istio=ingressgateway".to_owned(),
            servers: vec![ServerDraft::http()],
            ..GatewayDraft::default()
        }
    }

    /// Returns what a Gateway says as it is typed.
    fn of(at: &ObjectRef, spec: &GatewaySpec) -> GatewayDraft {
        let labels = spec.selector.iter();
        let labels: Vec<String> = labels
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        GatewayDraft {
            namespace: at.namespace.clone(),
            name: at.name.clone(),
            selector: labels.join(", "),
            servers: spec.servers.iter().map(ServerDraft::of).collect(),
        }
    }

    /// Returns where it is, what it says, and what is wrong with it where the object says `now`.
    fn read(&self, now: &GatewaySpec) -> (ObjectRef, GatewaySpec, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut fault = |field: &str, problem: &str| {
            faults.push(Fault {
                field: field.to_owned(),
                problem: problem.to_owned(),
            });
        };
        let object = ObjectRef {
            namespace: self.namespace.trim().to_owned(),
            kind: ObjectKind::Gateway,
            name: self.name.trim().to_owned(),
        };
        for (field, text) in [
            ("namespace", &object.namespace),
            ("gateway_name", &object.name),
        ] {
            if text.is_empty() {
                fault(field, "is missing");
            }
        }
        let mut selector = std::collections::BTreeMap::new();
        for label in names(&self.selector) {
            match label.split_once('=') {
                Some((name, value)) if !name.trim().is_empty() => {
                    selector.insert(name.trim().to_owned(), value.trim().to_owned());
                }
                _ => fault("selector", "is not written as name=value"),
            }
        }
        let servers = self.servers.iter().map(|it| {
            let kind = Ending::of(&it.protocol);
            let credential = it.credential_name.trim().to_owned();
            ServerSpec {
                port: it.port.trim().parse().unwrap_or(0),
                name: it.name.trim().to_owned(),
                protocol: it.protocol.clone(),
                hosts: names(&it.hosts),
                // What has no place in a protocol is not written for it.
                credential_name: Some(credential)
                    .filter(|it| !it.is_empty() && kind != Ending::Plain),
                https_redirect: it.https_redirect && kind != Ending::Tls,
            }
        });
        let spec = GatewaySpec {
            selector,
            servers: servers.collect(),
        };
        let has_wrong_selector = faults.iter().any(|it| it.field == "selector");
        let more = gateway::faults(&spec, now).into_iter();
        faults.extend(more.filter(|it| !(has_wrong_selector && it.field == "selector")));
        (object, spec, faults)
    }
}

/// What becomes of TLS at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// There is none.
    Plain,
    /// It ends there, or is passed through.
    Tls,
    /// Its protocol does not say.
    Unknown,
}

impl Ending {
    fn of(protocol: &str) -> Ending {
        let is = |word: &str| protocol.eq_ignore_ascii_case(word);
        match () {
            () if is("HTTP") => Ending::Plain,
            () if is("HTTPS") || is("TLS") => Ending::Tls,
            () => Ending::Unknown,
        }
    }
}

/// The form.
#[component]
pub fn GatewayForm(desk: Desk, id: Option<String>) -> impl IntoView {
    let kept = expect_context::<Kept>();
    let is_new = id.is_none();
    let started = kept.gateway.get_untracked().unwrap_or_else(|| {
        let at = id.as_deref().and_then(place);
        match (at, desk.object()) {
            (Some(at), Some(seen)) => GatewayDraft::of(&at, &gateway::read(&seen.object)),
            _ => GatewayDraft::new(),
        }
    });
    let draft = RwSignal::new(started);
    Effect::new(move |_| kept.gateway.set(Some(draft.get())));
    let part = move |get: fn(&GatewayDraft) -> &String| {
        Signal::derive(move || draft.with(|d| get(d).clone()))
    };
    let set = move |edit: fn(&mut GatewayDraft, String)| {
        Callback::new(move |text| draft.update(|d| edit(d, text)))
    };
    let n = Memo::new(move |_| draft.with(|d| d.servers.len()));
    let add =
        move |server: fn() -> ServerDraft| move |_| draft.update(|d| d.servers.push(server()));
    let submit = move || {
        let now = desk.object().map(|o| gateway::read(&o.object));
        let (object, spec, faults) = draft.get_untracked().read(&now.unwrap_or_default());
        let name = object.name.clone();
        let ports: Vec<String> = spec.servers.iter().map(|it| it.port.to_string()).collect();
        let edit = Edit::PutGateway {
            object,
            resource_version: desk.object().map(|o| o.resource_version),
            spec,
        };
        let title = match is_new {
            true => format!("Make gateway {name}"),
            false => format!("Set the ports of {name}"),
        };
        let gist = format!("{name} opens {}", ports.join(", "));
        desk.preview(title, gist, vec![edit], faults);
    };
    view! {
        <form
            class="form"
            aria-label="Gateway"
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            <p class="panel__note">
                "Opens ports on the pods that the labels choose: Istio’s own gateway is "<code>"istio=ingressgateway"</code>
                ", that of the AKS add-on "<code>"istio=aks-istio-ingressgateway-external"</code>
                ". A VirtualService bound to it says where calls go."
            </p>
            <Show when=move || is_new>
                <fieldset class="form__part form__grid">
                    <legend>"Where"</legend>
                    <Text desk label="Name" field="gateway_name" value=part(|d| &d.name) on_input=set(|d, t| d.name = t) />
                    <Text desk label="Namespace" field="namespace" value=part(|d| &d.namespace) on_input=set(|d, t| d.namespace = t) />
                </fieldset>
            </Show>
            <fieldset class="form__part">
                <legend>"On which pods"</legend>
                <Text desk label="Labels" field="selector" value=part(|d| &d.selector) on_input=set(|d, t| d.selector = t)
                    empty="istio=ingressgateway" />
            </fieldset>
            <fieldset class="form__part">
                <legend>"Ports"</legend>
                <For each=move || 0..n.get() key=|idx| *idx children=move |idx| view! { <ServerPart desk draft idx /> } />
                <p class="field__problem" role="alert">{move || desk.problem("servers").get()}</p>
                <div class="drawer__actions">
                    <button type="button" class="button" on:click=add(ServerDraft::http)>
                        <Icon symbol=Symbol::Plus />"Add HTTP port"
                    </button>
                    <button type="button" class="button" on:click=add(ServerDraft::https)>
                        <Icon symbol=Symbol::Plus />"Add HTTPS port"
                    </button>
                </div>
            </fieldset>
            <Foot desk />
        </form>
    }
}

#[component]
fn ServerPart(desk: Desk, draft: RwSignal<GatewayDraft>, idx: usize) -> impl IntoView {
    let of = move |get: fn(&ServerDraft) -> String| {
        Signal::derive(move || draft.with(|d| d.servers.get(idx).map(get).unwrap_or_default()))
    };
    let set = move |edit: fn(&mut ServerDraft, String)| {
        Callback::new(move |text: String| {
            draft.update(|d| {
                if let Some(server) = d.servers.get_mut(idx) {
                    edit(server, text);
                }
            });
        })
    };
    let at = move |field: &str| format!("servers[{idx}].{field}");
    let protocol = of(|s| s.protocol.clone());
    let choices = Memo::new(move |_| {
        let mut all = vec!["HTTP".to_owned(), "HTTPS".to_owned()];
        let own = protocol.get();
        if !own.is_empty() && !all.contains(&own) {
            all.push(own);
        }
        all
    });
    let credential = of(|s| s.credential_name.clone());
    let ending = Memo::new(move |_| Ending::of(&protocol.get()));
    let has_certificate = Memo::new(move |_| match ending.get() {
        Ending::Tls => true,
        Ending::Plain => false,
        Ending::Unknown => credential.with(|it| !it.is_empty()),
    });
    let redirects =
        Memo::new(move |_| draft.with(|d| d.servers.get(idx).is_some_and(|s| s.https_redirect)));
    view! {
        <div class="form__entry" role="group" aria-label=format!("Port {}", idx + 1)>
            <div class="form__row">
                <label class="field">
                    <span class="field__label">"Protocol"</span>
                    <select class="field__input" on:change=move |event| set(|s, t| s.protocol = t).run(event_target_value(&event))>
                        {move || choices.get().into_iter().map(|word| {
                            let (value, own) = (word.clone(), word.clone());
                            view! {
                                <option value=value prop:selected=move || protocol.get() == own>{word}</option>
                            }
                        }).collect_view()}
                    </select>
                </label>
                <Text desk label="Port" field=at("port") value=of(|s| s.port.clone()) on_input=set(|s, t| s.port = t) />
                <Text desk label="Name of the port" field=at("name") value=of(|s| s.name.clone()) on_input=set(|s, t| s.name = t) />
                <button type="button" class="button button--quiet button--icon" aria-label=format!("Remove port {}", idx + 1) title="Remove"
                    on:click=move |_| draft.update(|d| {
                        if idx < d.servers.len() { d.servers.remove(idx); }
                    })>
                    <Icon symbol=Symbol::Close />
                </button>
            </div>
            <Text desk label="Hosts" field=at("hosts") value=of(|s| s.hosts.clone()) on_input=set(|s, t| s.hosts = t)
                empty="app.example.com, joined by commas; * for all" />
            <Show when=move || has_certificate.get()>
                <Text desk label="Secret with the certificate" field=at("credential_name") value=credential
                    on_input=set(|s, t| s.credential_name = t) empty="credentialName, beside the gateway’s pods" />
            </Show>
            <Show when=move || ending.get() == Ending::Plain>
                <label class="form__check">
                    <input
                        type="checkbox"
                        prop:checked=move || redirects.get()
                        on:change=move |event| draft.update(|d| {
                            if let Some(server) = d.servers.get_mut(idx) {
                                server.https_redirect = event_target_checked(&event);
                            }
                        })
                    />
                    "Send whoever comes here to https"
                </label>
            </Show>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> ObjectRef {
        "shop/gateway/shop-gateway".parse().unwrap()
    }

    #[test]
    fn what_a_gateway_opens_is_read_as_it_is_typed() {
        let spec = GatewaySpec {
            selector: [("istio".to_owned(), "ingressgateway".to_owned())].into(),
            servers: vec![
                ServerSpec {
                    port: 80,
                    name: "http".to_owned(),
                    protocol: "HTTP".to_owned(),
                    hosts: vec!["a.example".to_owned(), "b.example".to_owned()],
                    credential_name: None,
                    https_redirect: true,
                },
                ServerSpec {
                    port: 443,
                    name: "https".to_owned(),
                    protocol: "HTTPS".to_owned(),
                    hosts: vec!["*".to_owned()],
                    credential_name: Some("shop-tls".to_owned()),
                    https_redirect: false,
                },
            ],
        };
        let draft = GatewayDraft::of(&at(), &spec);
        let none = GatewaySpec::default();
        assert_eq!(draft.read(&none), (at(), spec, vec![]));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_by_its_field() {
        let mut draft = GatewayDraft::new();
        draft.selector = "ingressgateway".to_owned();
        draft.servers.push(ServerDraft::https());
        draft.servers[1].port = "70000".to_owned();
        let (_, _, faults) = draft.read(&GatewaySpec::default());
        let fields: Vec<&str> = faults.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "gateway_name",
                "selector",
                "servers[0].hosts",
                "servers[1].port",
                "servers[1].hosts",
                "servers[1].credential_name",
            ]
        );
    }

    #[test]
    fn what_does_not_show_for_a_protocol_is_not_written_for_it() {
        let mut draft = GatewayDraft::new();
        draft.servers = vec![ServerDraft::https()];
        draft.servers[0].credential_name = "shop-tls".to_owned();
        draft.servers[0].protocol = "HTTP".to_owned();
        let servers = |draft: &GatewayDraft| draft.read(&GatewaySpec::default()).1.servers;
        assert_eq!(servers(&draft)[0].credential_name, None);
        // Of TLS that ends for TCP, the certificate stays.
        draft.servers[0].protocol = "TLS".to_owned();
        assert_eq!(
            servers(&draft)[0].credential_name.as_deref(),
            Some("shop-tls")
        );
    }
}
