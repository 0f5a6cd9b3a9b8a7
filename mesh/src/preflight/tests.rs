use expect_test::expect;
use serde_json::{Value, json};

use super::*;
use crate::api::breakers::Paste;
use crate::api::sources::{Label, Metric, ScrapeVerdict, Scrapes};
use crate::api::trace::NameRow;

/// What is known, in a form that tests change.
struct World {
    objects: Vec<Value>,
    source: Source,
    metrics: Option<Source>,
    requests: Option<f64>,
    kinds: Vec<Kind>,
    namespaces: Vec<String>,
    unread: Vec<Unread>,
    denied: Vec<&'static str>,
    unsaid: Vec<&'static str>,
    who: Option<&'static str>,
    metrics_at: Option<Place>,
    traces_at: Option<Place>,
    jaeger: Option<Place>,
    traces: Option<(Source, Option<Names>)>,
    grafana: Option<Place>,
}

const KINDS: [(&str, &str, &str); 12] = [
    ("ControllerRevision", "apps", "controllerrevisions"),
    ("Deployment", "apps", "deployments"),
    ("DestinationRule", "networking.istio.io", "destinationrules"),
    ("Event", "", "events"),
    ("Gateway", "networking.istio.io", "gateways"),
    ("Gateway", "gateway.networking.k8s.io", "gateways"),
    ("HTTPRoute", "gateway.networking.k8s.io", "httproutes"),
    ("Namespace", "", "namespaces"),
    ("Pod", "", "pods"),
    ("Secret", "", "secrets"),
    ("Service", "", "services"),
    ("VirtualService", "networking.istio.io", "virtualservices"),
];

fn place(namespace: &str, name: &str, port: u16) -> Place {
    Place {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        port,
    }
}

fn prometheus() -> Source {
    let metric = |name: &str, lost: &str| Metric {
        name: name.to_owned(),
        shows: String::new(),
        present: true,
        optional: false,
        lost: lost.to_owned(),
    };
    let label = |name: &str, lost: &str| Label {
        name: name.to_owned(),
        present: true,
        lost: lost.to_owned(),
    };
    let paste = |setting: &str| Paste {
        title: String::new(),
        setting: setting.to_owned(),
        text: format!("text for {setting}"),
        then: None,
    };
    Source {
        name: "prometheus".to_owned(),
        kind: "prometheus".to_owned(),
        reachable: true,
        url: Some("http://127.0.0.1:9090/".to_owned()),
        version: Some("3.5.0".to_owned()),
        scrape_interval_s: Some(15.0),
        storage: Some("Prometheus".to_owned()),
        scrapes: Some(Scrapes {
            window_s: 300,
            count: 20.0,
            verdict: ScrapeVerdict::Enough,
            reason: "A window of 5m holds 20 scrapes: enough.".to_owned(),
        }),
        metrics: vec![
            metric("requests", "the graph"),
            metric("pilot_info", "whether istiod runs"),
        ],
        labels: vec![
            label("reporter", "everything: whose report it is"),
            label("flags", "why calls failed"),
        ],
        mends: vec![paste("upstream"), paste("aks")],
        ..Source::default()
    }
}

fn istiod(namespace: &str, revision: &str, ready: u32) -> Value {
    let labels = json!({"app": "istiod", "istio.io/rev": revision});
    json!({"kind": "Deployment", "apiVersion": "apps/v1",
        "metadata": {"namespace": namespace, "name": "istiod", "labels": labels},
        "spec": {"replicas": 1, "template": {"metadata": {"labels": labels}}},
        "status": {"replicas": 1, "readyReplicas": ready}})
}

fn namespace(name: &str, labels: Value) -> Value {
    json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name, "labels": labels}})
}

fn workload(namespace: &str, name: &str, labels: Value) -> Value {
    json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"namespace": namespace, "name": name},
        "spec": {"replicas": 1, "template": {"metadata": {"labels": labels}}}})
}

fn pod(namespace: &str, workload: &str, revision: Option<&str>) -> Value {
    let proxy = revision.map(|_| json!({"name": "istio-proxy"}));
    let containers: Vec<Value> = proxy.into_iter().chain([json!({"name": "app"})]).collect();
    let hash = "7d9c";
    json!({"kind": "Pod", "apiVersion": "v1",
        "metadata": {"namespace": namespace, "name": format!("{workload}-{hash}-x"),
            "labels": {"pod-template-hash": hash, "istio.io/rev": revision},
            "ownerReferences": [{"kind": "ReplicaSet", "name": format!("{workload}-{hash}"), "controller": true}]},
        "spec": {"containers": containers}, "status": {"phase": "Running"}})
}

/// A mesh that has everything.
fn sound() -> World {
    let kinds = KINDS.map(|(kind, group, plural)| Kind {
        kind: kind.to_owned(),
        group: group.to_owned(),
        plural: Some(plural.to_owned()),
        is_cluster_wide: kind == "Namespace",
        is_read: !matches!(kind, "Event" | "ControllerRevision"),
        is_served: Some(true),
    });
    World {
        objects: vec![
            namespace("istio-system", json!({})),
            istiod("istio-system", "default", 1),
            namespace("shop", json!({"istio-injection": "enabled"})),
            workload("shop", "web", json!({})),
            pod("shop", "web", Some("default")),
        ],
        source: Source {
            kind: "kubernetes".to_owned(),
            reachable: true,
            url: Some("https://10.0.0.1".to_owned()),
            version: Some("v1.34.1".to_owned()),
            ..Source::default()
        },
        metrics: Some(prometheus()),
        requests: Some(1234.0),
        kinds: kinds.to_vec(),
        namespaces: Vec::new(),
        unread: Vec::new(),
        denied: Vec::new(),
        unsaid: Vec::new(),
        who: Some("ann"),
        metrics_at: None,
        traces_at: None,
        jaeger: Some(place("istio-system", "tracing", 80)),
        traces: Some((jaeger(), Some(names(&["web.shop"], &[])))),
        grafana: None,
    }
}

fn jaeger() -> Source {
    Source {
        kind: "jaeger".to_owned(),
        reachable: true,
        url: Some("kube://istio-system/tracing:80".to_owned()),
        capabilities: vec!["4 services with traces".to_owned()],
        ..Source::default()
    }
}

/// One service of the mesh, the names that it traces under, and those that nobody has.
fn names(found: &[&str], unclaimed: &[&str]) -> Names {
    let texts = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
    Names {
        items: vec![NameRow {
            namespace: "shop".to_owned(),
            service: "web".to_owned(),
            tried: vec!["web.shop".to_owned(), "web".to_owned()],
            found: texts(found),
            explanation: None,
        }],
        unclaimed: texts(unclaimed),
        notices: Vec::new(),
    }
}

impl World {
    fn look(&self) -> Preflight {
        let inventory = Inventory::read(self.objects.iter());
        let wanted = wanted(
            &self.kinds,
            &self.namespaces,
            self.metrics_at.as_ref(),
            self.traces_at.as_ref(),
        );
        let is_among = |all: &[&str], it: &Right| {
            let said = format!("{} {}", it.verb, it.resource);
            all.iter().any(|all| *all == said || *all == it.resource)
        };
        let asked = wanted.into_iter().map(|right| Asked {
            is_allowed: (!is_among(&self.unsaid, &right)).then(|| !is_among(&self.denied, &right)),
            right,
        });
        let rights: Vec<Asked> = asked.collect();
        answer(&Facts {
            cluster: Some(Cluster {
                source: &self.source,
                who: self.who,
                is_built_in: false,
                namespaces: &self.namespaces,
                kinds: &self.kinds,
                unread: &self.unread,
                inventory: &inventory,
                rights: &rights,
                jaeger: self.jaeger.clone(),
                grafana: self.grafana.clone(),
            }),
            metrics: self.metrics.as_ref(),
            requests: self.requests,
            traces: match &self.traces {
                Some((source, names)) => Traces::Told(source, names.as_ref()),
                None => Traces::Unasked,
            },
            grafana: None,
        })
    }

    fn item(&self, id: &str) -> Item {
        let found = self.look();
        let mut items = found.groups.into_iter().flat_map(|it| it.items);
        items.find(|it| it.id == id).expect("an item of this id")
    }

    /// Returns how an item stands, what was seen, and what is to be pasted.
    fn told(&self, id: &str) -> String {
        let it = self.item(id);
        let paste = it.paste.map(|it| format!("\n{it}")).unwrap_or_default();
        format!("{:?}: {}{paste}", it.status, it.message)
    }

    fn with(mut self, objects: impl IntoIterator<Item = Value>) -> World {
        self.objects.extend(objects);
        self
    }

    fn unread(mut self, kind: &str, why: Why) -> World {
        self.unread.push(Unread {
            kind: kind.to_owned(),
            group: String::new(),
            why,
        });
        self
    }
}

#[test]
fn a_sound_mesh_has_nothing_to_mend() {
    let found = sound().look();
    let items = found.groups.iter().flat_map(|it| &it.items);
    let lines: Vec<String> = items
        .map(|it| format!("{:?} {}: {}", it.status, it.id, it.message))
        .collect();
    expect![[r#"
        Ok cluster.api: Kubernetes v1.34.1 answers at https://10.0.0.1.
        Ok cluster.who: The API knows who asks as ann.
        Ok cluster.read: 10 kinds of objects are followed, in all namespaces.
        Ok rights.read: 20 rights asked for, all present.
        Ok rights.secrets: 2 rights asked for, all present.
        Ok rights.write: 10 rights asked for, all present.
        Ok rights.record: 5 rights asked for, all present.
        Ok istio.resources: The API serves all 3 of Istio's kinds that are read.
        Ok istio.istiod: istiod in istio-system (revision default): 1 of 1 pod ready.
        Ok istio.revisions: Revisions: default; no tags. Istio is one of your own: namespaces take istio-injection=enabled.
        Ok istio.labels: 1 namespace with a label of the mesh, and what it names runs.
        Ok istio.gateway_api: The API serves Gateway, HTTPRoute.
        Ok injection.namespaces: None: workloads of 1 namespace are in the mesh.
        Ok injection.opted_out: None in the namespaces of the mesh.
        Ok restarts.sidecar: None.
        Ok restarts.revision: None.
        Ok restarts.leftover: None.
        Ok metrics.source: Prometheus 3.5.0 answers at http://127.0.0.1:9090/.
        Ok metrics.metrics: 2 metrics of Istio are there, none is missing that should be.
        Ok metrics.labels: All 2 labels that are read are there.
        Ok metrics.scrapes: Proxies are scraped every 15 s. A window of 5m holds 20 scrapes: enough.
        Ok metrics.requests: Proxies reported about 1.2 k requests.
        Ok traces.jaeger: Jaeger answers at kube://istio-system/tracing:80: 4 services with traces. Of 1 service of the mesh, 1 trace under a name that fits.
        Ok dashboards.grafana: No Service here looks like Grafana, and none is needed."#]]
    .assert_eq(&lines.join("\n"));
    assert!(
        found
            .groups
            .iter()
            .flat_map(|it| &it.items)
            .all(|it| it.paste.is_none())
    );
    assert_eq!(found.status, Status::Ok);
    assert_eq!(
        (found.counts.fail, found.counts.warn, found.counts.unknown),
        (0, 0, 0)
    );
}

#[test]
fn missing_rights_come_with_the_role_that_holds_exactly_them() {
    let mut world = sound();
    world.denied = vec!["destinationrules", "watch pods", "secrets"];
    expect![[r#"
        Fail: Missing: list and watch destinationrules.networking.istio.io, watch pods.
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata:
          name: pidali-read-6e56058c
        rules:
        - apiGroups: [""]
          resources: [pods]
          verbs: [watch]
        - apiGroups: [networking.istio.io]
          resources: [destinationrules]
          verbs: [list, watch]
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata:
          name: pidali-read-6e56058c
        roleRef:
          apiGroup: rbac.authorization.k8s.io
          kind: ClusterRole
          name: pidali-read-6e56058c
        subjects:
        - kind: User
          apiGroup: rbac.authorization.k8s.io
          name: "ann"
    "#]]
    .assert_eq(&world.told("rights.read"));
    // Without these one can still look.
    assert_eq!(world.item("rights.secrets").status, Status::Warn);
    assert_eq!(world.item("rights.write").status, Status::Warn);
    assert_eq!(world.item("rights.record").status, Status::Ok);
    world.denied = vec!["httproutes"];
    assert_eq!(world.item("rights.read").status, Status::Warn);
}

#[test]
fn where_only_some_namespaces_are_read_the_roles_are_theirs() {
    let mut world = sound();
    world.namespaces = vec!["cart".to_owned(), "shop".to_owned()];
    world.denied = vec!["create events", "list namespaces"];
    world.who = Some("system:serviceaccount:tools:pidali");
    let record = world.told("rights.record");
    assert_eq!(record.matches("\nkind: Role\n").count(), 2, "{record}");
    assert!(
        record.contains("create events in cart, create events in shop")
            && record.contains("  namespace: shop\nrules:")
            && record
                .contains("- kind: ServiceAccount\n  name: \"pidali\"\n  namespace: \"tools\"\n"),
        "{record}"
    );
    // Namespaces are in none.
    let read = world.told("rights.read");
    assert!(
        read.contains("kind: ClusterRole\n") && !read.contains("kind: Role\n"),
        "{read}"
    );
}

#[test]
fn roles_of_other_rights_or_people_have_other_names() {
    let name = |denied: &'static str, who: &'static str| {
        let mut world = sound();
        world.denied = vec![denied];
        world.who = Some(who);
        let paste = world.item("rights.read").paste.unwrap();
        let mut names = paste
            .lines()
            .filter_map(|it| it.strip_prefix("  name: pidali-"));
        names.next().unwrap().to_owned()
    };
    assert_eq!(name("pods", "ann"), name("pods", "ann"));
    assert_ne!(name("pods", "ann"), name("services", "ann"));
    assert_ne!(name("pods", "ann"), name("pods", "bob"));
    // What a name holds does not leave its place.
    let mut world = sound();
    (world.denied, world.who) = (vec!["pods"], Some("a\"\n- kind: Group"));
    let paste = world.item("rights.read").paste.unwrap();
    assert!(
        paste.ends_with("  name: \"a\\\"\\n- kind: Group\"\n"),
        "{paste}"
    );
}

#[test]
fn the_way_through_the_api_server_needs_a_right_of_its_own() {
    let mut world = sound();
    let ids = |world: &World| {
        let groups = world.look().groups.into_iter();
        let ids: Vec<String> = groups.flat_map(|it| it.items).map(|it| it.id).collect();
        ids
    };
    assert!(!ids(&world).contains(&"rights.metrics".to_owned()));
    assert!(!ids(&world).contains(&"rights.traces".to_owned()));
    world.traces_at = Some(place("istio-system", "tracing", 80));
    assert_eq!(world.item("rights.traces").status, Status::Ok);
    assert!(!ids(&world).contains(&"rights.metrics".to_owned()));
    world.metrics_at = Some(place("istio-system", "prometheus", 9090));
    assert_eq!(world.item("rights.metrics").status, Status::Ok);
    world.denied = vec!["services"];
    let told = world.told("rights.metrics");
    assert!(
        told.starts_with("Fail: Missing: create and get services/proxy in istio-system.")
            && told.contains(
                "resources: [services/proxy]\n  resourceNames: [\"prometheus:9090\"]\n  verbs: [create, get]"
            ),
        "{told}"
    );
    // Without traces all else is there.
    let told = world.told("rights.traces");
    assert!(
        told.starts_with("Warn: Missing: get services/proxy in istio-system.")
            && told.contains("resourceNames: [\"tracing:80\"]\n  verbs: [get]"),
        "{told}"
    );
}

#[test]
fn what_the_server_did_not_say_is_unknown_and_never_missing() {
    let mut world = sound();
    world.unsaid = vec!["pods"];
    let it = world.item("rights.read");
    assert_eq!((it.status, it.paste), (Status::Unknown, None));
    world.denied = vec!["services"];
    let it = world.item("rights.read");
    assert!(
        it.message.contains("2 more are not known"),
        "{}",
        it.message
    );
    assert!(!it.paste.unwrap().contains("pods"));
    // Kinds that the server does not have need no rights.
    let mut world = sound();
    for kind in &mut world.kinds {
        if kind.group == "gateway.networking.k8s.io" {
            kind.is_served = Some(false);
        }
    }
    world.denied = vec!["httproutes"];
    assert_eq!(world.item("rights.read").status, Status::Ok);
    assert!(
        world
            .told("istio.gateway_api")
            .starts_with("Ok: It is not here, and need not be")
    );
}

#[test]
fn an_api_that_is_away_fails_and_what_hangs_on_it_is_unknown() {
    let mut world = sound();
    world.source.reachable = false;
    world.source.problem = Some("The login expired.".to_owned());
    world.source.hint = Some("log in again".to_owned());
    let found = world.look();
    let told: Vec<String> = found
        .groups
        .iter()
        .map(|it| format!("{} {:?}", it.id, it.status))
        .collect();
    assert_eq!(
        told,
        [
            "cluster Fail",
            "rights Unknown",
            "istio Unknown",
            "injection Unknown",
            "restarts Unknown",
            "metrics Ok",
            "traces Ok",
            "dashboards Ok"
        ]
    );
    let api = &found.groups[0].items[0];
    assert_eq!(
        (api.message.as_str(), api.mend.as_deref()),
        ("The login expired.", Some("log in again"))
    );
    // Before the first answer nothing fails yet.
    world.source.problem = None;
    assert_eq!(world.item("cluster.api").status, Status::Unknown);
}

#[test]
fn what_is_not_read_is_not_judged() {
    for (kind, id) in [
        ("Deployment", "istio.istiod"),
        ("MutatingWebhookConfiguration", "istio.revisions"),
        ("Namespace", "istio.labels"),
        ("StatefulSet", "injection.namespaces"),
        ("Pod", "restarts.sidecar"),
    ] {
        for why in [Why::Soon, Why::Forbidden, Why::Failing("500".to_owned())] {
            let it = sound().unread(kind, why).item(id);
            assert_eq!(it.status, Status::Unknown, "{kind}: {}", it.message);
            assert!(it.message.contains(kind), "{}", it.message);
        }
    }
    let soon = sound().unread("Pod", Why::Soon);
    assert_eq!(soon.told("cluster.read"), "Unknown: Still being read: Pod.");
    let failing = sound().unread("Pod", Why::Failing("500".to_owned()));
    assert_eq!(failing.item("cluster.read").status, Status::Warn);
}

#[test]
fn without_a_cluster_it_is_said_what_can_not_be_told_and_how_to_give_one() {
    let facts = Facts {
        cluster: None,
        metrics: Some(&prometheus()),
        requests: Some(0.0),
        traces: Traces::Unasked,
        grafana: Some("https://grafana.example/"),
    };
    let found = answer(&facts);
    let ids: Vec<&str> = found.groups.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["metrics", "cluster", "traces", "dashboards"]);
    let api = &found.groups[1].items[0];
    assert!(
        api.message
            .contains("rights, Istio and its revisions, injection, restarts")
    );
    assert!(
        api.paste
            .as_ref()
            .is_some_and(|it| it.contains("--kubeconfig"))
    );
    assert!(
        found.groups[3].items[0]
            .message
            .contains("https://grafana.example/")
    );
}

#[test]
fn istio_that_is_not_installed_comes_with_the_line_that_fits_the_cluster() {
    let mut world = sound();
    world.objects.clear();
    for kind in &mut world.kinds {
        if kind.group.ends_with("istio.io") {
            kind.is_served = Some(false);
        }
    }
    expect![[r#"
        Fail: The API serves none of Istio's kinds: Istio is not installed here.
        istioctl x precheck
        istioctl install --set profile=default"#]]
    .assert_eq(&world.told("istio.resources"));
    assert_eq!(world.item("istio.istiod").status, Status::Fail);
    world.source.url = Some("https://shop-1.hcp.westeurope.azmk8s.io".to_owned());
    assert!(
        world
            .told("istio.istiod")
            .ends_with("az aks mesh enable --resource-group RESOURCE_GROUP --name CLUSTER")
    );
    // Where only some namespaces are read it may run elsewhere.
    world.namespaces = vec!["shop".to_owned()];
    let it = world.item("istio.istiod");
    assert_eq!(it.status, Status::Unknown);
    assert!(
        it.mend
            .unwrap()
            .ends_with("--cluster-namespace aks-istio-system")
    );
    // Some kinds are of a newer Istio.
    let mut world = sound();
    world.kinds[2].is_served = Some(false);
    assert!(
        world
            .told("istio.resources")
            .starts_with("Warn: The API does not serve DestinationRule.")
    );
    world.kinds[2].is_served = None;
    assert_eq!(world.item("istio.resources").status, Status::Unknown);
}

#[test]
fn a_control_plane_that_is_not_ready_fails() {
    let mut world = sound();
    world.objects[1] = istiod("istio-system", "default", 0);
    let told = world.told("istio.istiod");
    assert!(
        told.starts_with("Fail: istiod in istio-system (revision default): 0 of 1 pod ready.")
            && told.ends_with("kubectl -n istio-system describe pods -l app=istiod"),
        "{told}"
    );
    // It may run in another cluster.
    world.objects.remove(1);
    assert_eq!(world.item("istio.istiod").status, Status::Warn);
}

/// The add-on of AKS, with two revisions while it is updated.
fn aks() -> World {
    let mut world = sound();
    world.objects = vec![
        namespace("aks-istio-system", json!({})),
        istiod("aks-istio-system", "asm-1-26", 1),
        namespace("shop", json!({"istio.io/rev": "asm-1-26"})),
        workload("shop", "web", json!({})),
        pod("shop", "web", Some("asm-1-26")),
    ];
    world
}

#[test]
fn the_add_on_of_aks_is_spoken_of_in_its_words() {
    let world = aks();
    assert_eq!(
        world.told("istio.revisions"),
        "Ok: Revisions: asm-1-26; no tags. Istio is the add-on of AKS: namespaces take istio.io/rev=asm-1-26, and \
         istio-injection=enabled does nothing here."
    );
    // The label of an Istio of one's own does nothing there.
    let world = world.with([
        namespace("cart", json!({"istio-injection": "enabled"})),
        namespace("old", json!({"istio.io/rev": "asm-1-25"})),
        namespace("new", json!({})),
        workload("new", "api", json!({})),
    ]);
    expect![[r#"
        Fail: A label that nothing here answers to: cart (istio-injection=enabled), old (istio.io/rev=asm-1-25).
        kubectl label namespace cart istio.io/rev=asm-1-26 istio-injection- --overwrite
        kubectl label namespace old istio.io/rev=asm-1-26 --overwrite"#]]
    .assert_eq(&world.told("istio.labels"));
    expect![[r#"
        Warn: Workloads that get no sidecar: new (1 workload).
        kubectl label namespace new istio.io/rev=asm-1-26
        kubectl rollout restart deployment -n new"#]]
    .assert_eq(&world.told("injection.namespaces"));
    let mut world = world;
    world.metrics.as_mut().unwrap().metrics[0].present = false;
    assert!(world.told("metrics.metrics").ends_with("text for aks"));
}

#[test]
fn tags_are_labels_as_well_and_must_lead_somewhere() {
    let tag = |name: &str, revision: &str| {
        json!({"kind": "MutatingWebhookConfiguration", "metadata": {"name": name,
            "labels": {"istio.io/tag": name, "istio.io/rev": revision}}})
    };
    let world = sound().with([
        tag("prod", "default"),
        namespace("cart", json!({"istio.io/rev": "prod"})),
    ]);
    assert!(
        world
            .told("istio.revisions")
            .contains("tags: prod → default")
    );
    assert_eq!(world.item("istio.labels").status, Status::Ok);
    let world = world.with([
        tag("next", "1-30"),
        namespace("new", json!({"istio.io/rev": "next"})),
    ]);
    let told = world.told("istio.revisions");
    assert!(
        told.starts_with("Warn: ")
            && told.ends_with("istioctl tag set next --revision default --overwrite"),
        "{told}"
    );
    let told = world.told("istio.labels");
    assert!(
        told.starts_with("Fail: A label that nothing here answers to: new (istio.io/rev=next)."),
        "{told}"
    );
    assert!(
        told.ends_with("istio-injection=enabled istio.io/rev- --overwrite"),
        "{told}"
    );
    // Ambient without its proxy.
    let world = sound().with([namespace(
        "mist",
        json!({"istio.io/dataplane-mode": "ambient"}),
    )]);
    assert!(
        world
            .told("istio.labels")
            .contains("mist (istio.io/dataplane-mode=ambient)")
    );
}

#[test]
fn who_is_outside_is_named_and_who_stays_outside_is_not_pressed() {
    let world = sound().with([
        namespace("batch", json!({})),
        workload("batch", "job", json!({})),
        namespace("kube-system", json!({})),
        workload("kube-system", "dns", json!({})),
        namespace("legacy", json!({"istio-injection": "disabled"})),
        workload("legacy", "cobol", json!({})),
        workload("shop", "probe", json!({"sidecar.istio.io/inject": "false"})),
    ]);
    expect![[r#"
        Warn: Workloads that get no sidecar: batch (1 workload).
        kubectl label namespace batch istio-injection=enabled
        kubectl rollout restart deployment -n batch"#]]
    .assert_eq(&world.told("injection.namespaces"));
    assert_eq!(
        world.told("injection.opted_out"),
        "Ok: In namespaces of the mesh, and told to stay outside: shop/probe."
    );
}

#[test]
fn restarts_that_are_due_come_with_their_lines() {
    let world = sound().with([
        istiod("istio-next", "1-30", 1),
        workload("shop", "cart", json!({})),
        pod("shop", "cart", None),
        namespace("next", json!({"istio.io/rev": "1-30"})),
        workload("next", "api", json!({})),
        pod("next", "api", Some("default")),
        namespace("left", json!({"istio-injection": "disabled"})),
        workload("left", "over", json!({})),
        pod("left", "over", Some("default")),
    ]);
    expect![[r#"
        Warn: shop/cart (1 of 1 pod).
        kubectl rollout restart deployment/cart -n shop"#]]
    .assert_eq(&world.told("restarts.sidecar"));
    expect![[r#"
        Warn: next/api (1 of 1 pod: default instead of 1-30).
        kubectl rollout restart deployment/api -n next"#]]
    .assert_eq(&world.told("restarts.revision"));
    expect![[r#"
        Warn: left/over (1 of 1 pod).
        kubectl rollout restart deployment/over -n left"#]]
    .assert_eq(&world.told("restarts.leftover"));
}

#[test]
fn metrics_that_are_missing_are_weighed_by_what_is_lost() {
    let mut world = sound();
    let source = world.metrics.as_mut().unwrap();
    source.metrics[1].present = false;
    source.labels[1].present = false;
    expect![[r#"
        Warn: Missing: pilot_info. Lost without them: whether istiod runs.
        text for upstream"#]]
    .assert_eq(&world.told("metrics.metrics"));
    expect![[r#"
        Warn: Missing: flags (why calls failed).
        kubectl get telemetry -A -o yaml"#]]
    .assert_eq(&world.told("metrics.labels"));
    let source = world.metrics.as_mut().unwrap();
    source.metrics[0].present = false;
    source.labels[0].present = false;
    assert_eq!(world.item("metrics.metrics").status, Status::Fail);
    assert_eq!(world.item("metrics.labels").status, Status::Fail);
    // What may rightly be missing is not held against it.
    let source = world.metrics.as_mut().unwrap();
    for metric in &mut source.metrics {
        metric.optional = true;
    }
    assert_eq!(world.item("metrics.metrics").status, Status::Ok);
}

#[test]
fn scrapes_and_requests_are_told_and_what_is_late_is_unknown() {
    let mut world = sound();
    world.requests = Some(0.0);
    let source = world.metrics.as_mut().unwrap();
    source.scrapes.as_mut().unwrap().verdict = ScrapeVerdict::TooFew;
    assert_eq!(world.item("metrics.scrapes").status, Status::Warn);
    assert_eq!(
        world.told("metrics.requests"),
        "Warn: No proxy reported a request."
    );
    world.metrics.as_mut().unwrap().scrapes = None;
    world.requests = None;
    assert_eq!(world.item("metrics.scrapes").status, Status::Unknown);
    assert_eq!(world.item("metrics.requests").status, Status::Unknown);
    world.metrics.as_mut().unwrap().reachable = false;
    let told = world.told("metrics.source");
    assert!(
        told.starts_with("Fail: ") && told.ends_with("text for upstream"),
        "{told}"
    );
    world.metrics = None;
    assert_eq!(world.item("metrics.source").status, Status::Unknown);
}

#[test]
fn what_is_beside_the_mesh_is_found_or_not_and_never_fails() {
    let mut world = sound();
    world.jaeger = None;
    world.traces = None;
    world.grafana = Some(place("istio-system", "grafana", 3000));
    assert!(
        world
            .told("traces.jaeger")
            .starts_with("Ok: No Service here looks like Jaeger")
    );
    let away = Source {
        reachable: false,
        problem: Some("Jaeger at http://host:1/ did not answer.".to_owned()),
        hint: Some("check --jaeger".to_owned()),
        ..jaeger()
    };
    world.traces = Some((away, None));
    assert_eq!(
        world.told("traces.jaeger"),
        "Warn: Jaeger at http://host:1/ did not answer."
    );
    world.traces = Some((jaeger(), Some(names(&[], &["edge"]))));
    let told = world.told("traces.jaeger");
    assert!(
        told.contains("None of the 1 service of the mesh is found among the names there: edge.")
            && told.contains("randomSamplingPercentage"),
        "{told}"
    );
    let told = world.told("dashboards.grafana");
    assert!(
        told.starts_with("Ok: Found at istio-system/grafana:3000")
            && told.contains("port-forward svc/grafana 3000:3000"),
        "{told}"
    );
}
