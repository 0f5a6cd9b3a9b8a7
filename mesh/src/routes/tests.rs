//! Routes from objects and measurements: what is found wrong, what is measured, what speaks against a move.

use std::sync::Arc;

use expect_test::{Expect, expect};
use serde_json::Value;

use super::*;
use crate::api::routes::{Check, Severity};
use crate::object::Stored;
use crate::telemetry::{
    Flags, Mtls, Peer, Protocol, Reporter, Response, Sample, ServiceRef, TrafficKey,
};

const BASE: &str = "
{apiVersion: v1, kind: Service, metadata: {name: backend, namespace: default}, spec: {selector: {app: backend}, ports: [{port: 80}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: backend-v1, namespace: default}, spec: {replicas: 2, template: {metadata: {labels: {app: backend, version: v1}}}}, status: {readyReplicas: 2}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: backend-v2, namespace: default}, spec: {replicas: 2, template: {metadata: {labels: {app: backend, version: v2}}}}, status: {readyReplicas: 1}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: backend-v3, namespace: default}, spec: {replicas: 0, template: {metadata: {labels: {app: backend, version: v3}}}}, status: {readyReplicas: 0}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: ingress, namespace: istio-system}, spec: {replicas: 1, template: {metadata: {labels: {istio: ingressgateway}}}}, status: {readyReplicas: 1}}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: web, namespace: default}, spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [app.example.com]}]}}
---
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: backend, namespace: default, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {host: backend, trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: DEFAULT}}}, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}, {name: v3, labels: {version: v3}}, {name: same, labels: {version: v1}}]}}
";

const SPLIT: &str = "
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: split, namespace: default, creationTimestamp: '2026-01-02T00:00:00Z'}, spec: {hosts: [backend], http: [{route: [{destination: {host: backend, subset: v1}, weight: 90}, {destination: {host: backend, subset: v2}, weight: 10}]}]}}
";

fn objects(more: &str) -> impl Iterator<Item = Value> {
    let text = format!("{BASE}---{more}");
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    objects.into_iter().filter(|o| !o.is_null())
}

fn board(more: &str) -> Board {
    let objects = objects(more).map(|it| Arc::new(Stored::from(it)));
    Board::read(Read::all(objects.collect()))
}

fn place(name: &str) -> RouteRef {
    format!("default/virtualservice/{name}").parse().unwrap()
}

fn evidence(facts: Option<&Facts>) -> Evidence<'_> {
    Evidence {
        window: Window::default(),
        at: UnixMillis(1_800_000_000_000),
        facts,
        recent: BTreeMap::new(),
    }
}

fn told(checks: &[Check]) -> String {
    let line = |check: &Check| {
        assert!(
            !check.why.is_empty() && (check.mend.is_some() || check.severity == Severity::Info),
            "{check:?}"
        );
        let path = check.path.as_deref().unwrap_or("-");
        let command = check
            .command
            .as_ref()
            .map(|c| format!(" [{c}]"))
            .unwrap_or_default();
        format!(
            "{:?} {} at {path}: {}{command}\n",
            check.severity, check.code, check.message
        )
    };
    checks.iter().map(line).collect()
}

fn check(name: &str, more: &str, expected: Expect) {
    let board = board(more);
    let route = board.route(&place(name), &evidence(None)).unwrap();
    expected.assert_eq(&told(&route.checks));
}

/// A VirtualService of host `backend` with one route list.
fn with_route(route: &str) -> String {
    format!(
        "\n{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: split, namespace: default}}, spec: {{hosts: [backend], http: [{{route: {route}}}]}}}}\n"
    )
}

#[test]
fn objects_that_are_kept_as_text_say_the_same() {
    let texts = objects(SPLIT).map(|it| Arc::new(Stored::as_text(&it)));
    let read = Board::read(Read::all(texts.collect()));
    let routes = |board: &Board| board.answer(&evidence(None), &[]);
    assert_eq!(routes(&read), routes(&board(SPLIT)));
    assert_eq!(read.checks(&[]), board(SPLIT).checks(&[]));
    assert_eq!(read.inventory(), board(SPLIT).inventory());
}

#[test]
fn w4_a_sound_split_has_no_findings() {
    check("split", SPLIT, expect![[""]]);
}

#[test]
fn w4_a_destination_that_is_not_there_is_named_with_its_mend() {
    let route = "[{destination: {host: backend, subset: v9}, weight: 90}, {destination: {host: nobody}, weight: 5}, {destination: {host: backend, subset: v3}, weight: 5}]";
    check(
        "split",
        &with_route(route),
        expect![[r"
        Error host_missing at spec.http[0].route[1].destination.host: There is no service default/nobody, which `nobody` means here.
        Error subset_missing at spec.http[0].route[0].destination.subset: No DestinationRule of default/backend has a subset `v9`.
        Error subset_not_ready at spec.http[0].route[2]: v3 has no pod: Deployment backend-v3 is scaled to zero. [kubectl scale deployment/backend-v3 -n default --replicas=1]
    "]],
    );
    // What gets nothing may be as it is.
    let route = "[{destination: {host: backend, subset: v1}, weight: 1}, {destination: {host: backend, subset: v3}, weight: 0}]";
    check("split", &with_route(route), expect![[""]]);
    // A host outside the cluster is a ServiceEntry's to say.
    let outside = with_route("[{destination: {host: api.example.com}}]");
    check(
        "split",
        &outside,
        expect![[r"
            Warning host_missing at spec.http[0].route[0].destination.host: No ServiceEntry has the host `api.example.com`.
        "]],
    );
    let entry = "\n{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: api, namespace: shop}, spec: {hosts: ['*.example.com'], ports: [{number: 443, name: tls, protocol: TLS}]}}\n";
    check("split", &format!("{outside}---{entry}"), expect![[""]]);
}

#[test]
fn w4_weights_that_mean_nothing_are_an_error() {
    let route = "[{destination: {host: backend, subset: v1}, weight: 0}, {destination: {host: backend, subset: v2}}]";
    check(
        "split",
        &with_route(route),
        expect![[r"
        Error weights_zero at spec.http[0]: All weights of rule http/0 are zero.
    "]],
    );
}

#[test]
fn w4_what_keeps_calls_from_a_route_is_found() {
    let more = format!("{SPLIT}---
{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: late, namespace: default, creationTimestamp: '2026-02-02T00:00:00Z'}}, spec: {{hosts: [backend.default.svc.cluster.local], gateways: [mesh, gone], http: [{{route: [{{destination: {{host: backend}}}}]}}, {{match: [{{uri: {{prefix: /a}}}}], route: [{{destination: {{host: backend}}}}]}}]}}}}
");
    check(
        "late",
        &more,
        expect![[r#"
            Error gateway_missing at spec.gateways[1]: There is no Gateway default/gone.
            Error host_twice at spec.hosts[0]: VirtualService default/split speaks for backend.default.svc.cluster.local in the mesh as well.
            Warning rule_unreachable at spec.http[1]: Rule http/1 is never reached: one before it takes every call.
        "#]],
    );
    check(
        "split",
        &more,
        expect![[r#"
            Warning host_twice at spec.hosts[0]: VirtualService default/late speaks for backend in the mesh as well.
        "#]],
    );
}

#[test]
fn w4_a_second_split_and_a_policy_without_effect_are_told() {
    let more = format!("{SPLIT}---
{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: outside, namespace: default}}, spec: {{hosts: [app.example.com], gateways: [web], http: [{{route: [{{destination: {{host: backend, subset: v1}}, weight: 1}}, {{destination: {{host: backend, subset: v2}}, weight: 1}}]}}]}}}}
---
{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: breaker, namespace: default, creationTimestamp: '2026-03-01T00:00:00Z'}}, spec: {{host: backend, trafficPolicy: {{outlierDetection: {{consecutive5xxErrors: 3}}}}}}}}
");
    check(
        "split",
        &more,
        expect![[r#"
            Warning policy_without_effect at spec.trafficPolicy: The traffic policy of DestinationRule default/breaker never applies to default/backend.
            Info split_twice at spec.http[0]: default/virtualservice/outside splits default/backend as well.
        "#]],
    );
}

#[test]
fn a_join_that_opens_a_host_to_the_outside_is_said_to() {
    let outside = "
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: outside, namespace: default}, spec: {hosts: [app.example.com], gateways: [web], http: [{route: [{destination: {host: backend, subset: v1}, weight: 90}, {destination: {host: backend, subset: v2}, weight: 10}]}]}}
";
    let found = |more: &str| told(&board(more).check_join(&place("split"), &place("outside")));
    assert_eq!(found(&format!("{SPLIT}---{outside}")), "");
    let wide = "
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: wide, namespace: default}, spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}}
";
    let through_it = outside.replace("[web]", "[wide]");
    expect![[r#"
        Warning host_opened at spec.hosts: Gateway default/wide lets in any host like backend.
    "#]]
    .assert_eq(&found(&format!("{SPLIT}---{wide}---{through_it}")));
}

#[test]
fn an_object_that_can_not_be_read_is_shown_with_the_reason() {
    let route = "[{destination: {host: backend, subset: v1}, weight: many}]";
    let board = board(&with_route(route));
    let route = board.route(&place("split"), &evidence(None)).unwrap();
    assert!(
        route.rules.is_empty() && route.problem.is_some(),
        "{route:?}"
    );
    assert_eq!(route.checks[0].code, "unreadable");
}

fn peer(namespace: &str, workload: Option<&str>) -> Peer {
    Peer {
        cluster: Some("Kubernetes".into()),
        namespace: workload.map(|_| namespace.into()),
        workload: workload.map(Into::into),
        ..Peer::default()
    }
}

fn calls(from: (&str, &str), to: Option<&str>, code: u16, value: f64) -> Sample {
    Sample {
        key: Arc::new(TrafficKey {
            reporter: Reporter::Source,
            source: peer(from.0, Some(from.1)),
            destination: peer("default", to),
            service: Some(ServiceRef {
                namespace: Some("default".into()),
                name: "backend".into(),
            }),
            protocol: Protocol::Http,
            response: Response {
                http: Some(code),
                grpc: None,
            },
            flags: Flags::parse(if to.is_none() { "UH" } else { "-" }),
            mtls: Mtls::Unknown,
            template: None,
        }),
        value,
    }
}

fn facts(requests: Vec<Sample>) -> Facts {
    Facts {
        requests,
        ..Facts::default()
    }
}

#[test]
fn w9_measured_belongs_to_a_destination_and_a_group_of_callers() {
    let mesh = ("shop", "web");
    let ingress = ("istio-system", "ingress");
    let facts = facts(vec![
        calls(mesh, Some("backend-v1"), 200, 880.0),
        calls(mesh, Some("backend-v2"), 200, 90.0),
        calls(mesh, Some("backend-v2"), 503, 10.0),
        calls(mesh, None, 503, 20.0),
        calls(ingress, Some("backend-v1"), 200, 50.0),
        calls(ingress, Some("backend-v2"), 200, 50.0),
    ]);
    let board = board(SPLIT);
    let route = board
        .route(&place("split"), &evidence(Some(&facts)))
        .unwrap();
    let rule = &route.rules[0];
    assert_eq!(rule.callers.len(), 1);
    let group = &rule.callers[0];
    assert_eq!(
        (group.id.as_str(), group.requests, group.not_taken),
        ("mesh", 1_000.0, 20.0)
    );
    let measured = |idx: usize| &rule.destinations[idx].measured[0];
    assert_eq!(
        (measured(0).share, measured(1).share),
        (Some(0.88), Some(0.1))
    );
    assert_eq!(measured(1).share_bounds, None);
    assert_eq!(
        (measured(1).traffic.requests, measured(1).traffic.errors),
        (100.0, 10.0)
    );
    let [low, high] = measured(1).error_bounds.unwrap();
    assert!(low < 0.1 && 0.1 < high && high < 0.2, "{low} {high}");
    assert_eq!(rule.measured_over_s, Some(300));

    // Without metrics the route stands all the same, and nothing is said to be zero.
    let route = board.route(&place("split"), &evidence(None)).unwrap();
    assert_eq!(route.rules[0].destinations[0].share, Some(0.9));
    assert_eq!(route.rules[0].measured_over_s, None);
    assert!(
        route.rules[0].callers.is_empty() && route.rules[0].destinations[0].measured.is_empty()
    );
    assert_eq!(
        crate::changes::predict(&route.rules[0], &[5_000, 5_000]),
        None
    );
}

#[test]
fn w9_where_a_rule_of_testers_leads_to_the_same_pods_shares_are_bounds() {
    let more = "
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: split, namespace: default}, spec: {hosts: [backend], http: [
  {match: [{headers: {x-testing: {exact: 'true'}}}], route: [{destination: {host: backend, subset: v2}}]},
  {route: [{destination: {host: backend, subset: v1}, weight: 90}, {destination: {host: backend, subset: v2}, weight: 10}]}]}}
";
    let mesh = ("shop", "web");
    let facts = facts(vec![
        calls(mesh, Some("backend-v1"), 200, 80.0),
        calls(mesh, Some("backend-v2"), 200, 20.0),
    ]);
    let route = board(more)
        .route(&place("split"), &evidence(Some(&facts)))
        .unwrap();
    let rule = &route.rules[1];
    assert_eq!(
        rule.destinations[0].measured[0].share_bounds,
        Some([0.8, 1.0])
    );
    assert_eq!(
        rule.destinations[1].measured[0].share_bounds,
        Some([0.0, 0.2])
    );
    assert!(
        rule.callers[0]
            .note
            .as_ref()
            .unwrap()
            .contains("statPrefix")
    );
}

#[test]
fn two_subsets_on_one_workload_can_not_be_told_apart() {
    let route = "[{destination: {host: backend, subset: v1}, weight: 1}, {destination: {host: backend, subset: same}, weight: 1}]";
    let facts = facts(vec![calls(("shop", "web"), Some("backend-v1"), 200, 80.0)]);
    let route = board(&with_route(route))
        .route(&place("split"), &evidence(Some(&facts)))
        .unwrap();
    let rule = &route.rules[0];
    assert!(rule.destinations.iter().all(|d| d.measured.is_empty()));
    assert!(
        rule.callers[0]
            .note
            .as_ref()
            .unwrap()
            .contains("tell them apart")
    );
}

const ROLLOUT: &str = "
{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: pay, namespace: default}, spec: {replicas: 4, template: {metadata: {labels: {app: pay}}}}, status: {readyReplicas: 4}}
---
{apiVersion: v1, kind: Service, metadata: {name: backend, namespace: default}, spec: {selector: {app: pay}, ports: [{port: 80}]}}
---
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: pay, namespace: default}, spec: {host: backend, subsets: [{name: stable, labels: {app: pay, rollouts-pod-template-hash: aaa}}, {name: canary, labels: {app: pay, rollouts-pod-template-hash: bbb}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: split, namespace: default}, spec: {hosts: [backend], http: [{route: [{destination: {host: backend, subset: stable}, weight: 90}, {destination: {host: backend, subset: canary}, weight: 10}]}]}}
";

/// The same calls as the callee reports them, of a pod of this template.
fn taken_by(template: Option<&str>, sample: Sample) -> Sample {
    let key = TrafficKey {
        reporter: Reporter::Destination,
        template: template.map(Into::into),
        ..(*sample.key).clone()
    };
    Sample {
        key: Arc::new(key),
        ..sample
    }
}

#[test]
fn r6_the_sides_of_a_rollout_are_told_apart_as_their_pods_report() {
    let web = ("shop", "web");
    let to = |code, value| calls(web, Some("pay"), code, value);
    let of_callers = || vec![to(200, 98.0), to(503, 2.0), calls(web, None, 503, 5.0)];
    let rule = |samples: Vec<Sample>| {
        let facts = facts(samples);
        let objects: Vec<Value> = serde_saphyr::from_multiple(ROLLOUT).unwrap();
        let objects = objects.into_iter().map(|it| Arc::new(Stored::from(it)));
        let board = Board::read(Read::all(objects.collect()));
        let route = board
            .route(&place("split"), &evidence(Some(&facts)))
            .unwrap();
        route.rules.into_iter().next().unwrap()
    };
    let mut samples = of_callers();
    samples.extend([
        taken_by(Some("aaa"), to(200, 80.0)),
        taken_by(Some("bbb"), to(200, 18.0)),
        taken_by(Some("bbb"), to(503, 2.0)),
    ]);
    let told = rule(samples);
    let measured = told.destinations.iter().map(|it| {
        let measured = &it.measured[0];
        (
            measured.traffic.requests,
            measured.traffic.errors,
            measured.share,
        )
    });
    assert_eq!(
        measured.collect::<Vec<_>>(),
        [(80.0, 0.0, Some(0.761905)), (20.0, 2.0, Some(0.190476)),]
    );
    assert_eq!(told.callers[0].not_taken, 5.0, "as callers alone know");
    let note = told.callers[0].note.clone().unwrap();
    assert!(note.contains("as their own pods count them"), "{note}");

    // Where nobody called, nothing is missing.
    let told = rule(vec![calls(web, None, 503, 5.0)]);
    let note = told.callers[0].note.clone().unwrap();
    assert!(note.contains("as their own pods count them"), "{note}");
    assert_eq!(told.destinations[0].measured[0].share, Some(0.0));

    // Without the label nothing is guessed, and it is said how to have it.
    let mut samples = of_callers();
    samples.push(taken_by(None, to(200, 100.0)));
    let told = rule(samples);
    assert!(told.destinations.iter().all(|it| it.measured.is_empty()));
    let note = told.callers[0].note.clone().unwrap();
    assert!(
        note.contains("keep the label `rollouts-pod-template-hash`"),
        "{note}"
    );
}

#[test]
fn r6_what_stands_beside_the_sides_of_a_rollout_is_counted_by_callers() {
    let rule = ROLLOUT.replace(
        "subset: canary}, weight: 10}]",
        "subset: canary}, weight: 5}, {destination: {host: old}, weight: 5}]",
    );
    let old = "---
{apiVersion: v1, kind: Service, metadata: {name: old, namespace: default}, spec: {selector: {app: old}, ports: [{port: 80}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: old, namespace: default}, spec: {replicas: 1, template: {metadata: {labels: {app: old}}}}, status: {readyReplicas: 1}}
";
    let web = ("shop", "web");
    let to_old = |value| {
        let sample = calls(web, Some("old"), 200, value);
        let key = TrafficKey {
            service: Some(ServiceRef {
                namespace: Some("default".into()),
                name: "old".into(),
            }),
            ..(*sample.key).clone()
        };
        Sample {
            key: Arc::new(key),
            ..sample
        }
    };
    let to_pay = |value| calls(web, Some("pay"), 200, value);
    let facts = facts(vec![
        to_pay(50.0),
        to_old(50.0),
        taken_by(Some("aaa"), to_pay(45.0)),
        // A retry that callers do not count.
        taken_by(Some("bbb"), to_pay(6.0)),
        taken_by(None, to_old(50.0)),
    ]);
    let text = format!("{rule}{old}");
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let objects = objects.into_iter().map(|it| Arc::new(Stored::from(it)));
    let board = Board::read(Read::all(objects.collect()));
    let route = board
        .route(&place("split"), &evidence(Some(&facts)))
        .unwrap();
    let rule = &route.rules[0];
    let requests = rule
        .destinations
        .iter()
        .map(|it| it.measured[0].traffic.requests);
    assert_eq!(requests.collect::<Vec<_>>(), [45.0, 6.0, 50.0]);
    assert_eq!(rule.callers[0].requests, 100.0, "as callers count them");
}

#[test]
fn fresh_weights_are_measured_over_the_time_since_they_changed() {
    let at = UnixMillis(1_800_000_000_000);
    let changed = |secs_ago: i64| {
        let change = crate::api::routes::Change {
            change: "c".to_owned(),
            at_ms: at.0 - secs_ago * 1000,
            who: "x".to_owned(),
            reason: None,
            rule: "http/0".to_owned(),
            destinations: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            what: None,
            made: false,
            undoes: None,
            together: Vec::new(),
        };
        let journal = serde_json::to_string(&[change]).unwrap();
        let quoted = journal.replace('\'', "''");
        let more = SPLIT.replace(
            "namespace: default,",
            &format!("namespace: default, annotations: {{'pidali.dev/journal': '{quoted}'}},"),
        );
        let windows = board(&more).fresh_windows(Window::default(), at);
        windows.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(changed(10), [0; 0], "too fresh to measure");
    assert_eq!(changed(20), [15]);
    assert_eq!(changed(70), [60]);
    assert_eq!(
        changed(1_000),
        [0; 0],
        "the whole window is of the new weights"
    );
}

/// What speaks against giving the split these shares, in basis points.
fn against(more: &str, facts: &Facts, after: &[u32]) -> String {
    let board = board(more);
    let route = board
        .route(&place("split"), &evidence(Some(facts)))
        .unwrap();
    let found = board.check_move(
        &place("split"),
        &route,
        &route.rules[0],
        after,
        &[&place("split")],
    );
    told(&found)
}

#[test]
fn w4_a_move_is_checked_for_pods_and_load() {
    let facts = facts(vec![
        calls(("shop", "web"), Some("backend-v1"), 200, 2_700.0),
        calls(("shop", "web"), Some("backend-v2"), 200, 300.0),
    ]);
    assert_eq!(against(SPLIT, &facts, &[7_000, 3_000]), "");
    expect![[r"
        Warning load_per_pod at -: Each of the 1 ready pods of v2 would take 10.0 rps; the busiest pod takes 4.5 rps now.
    "]].assert_eq(&against(SPLIT, &facts, &[0, 10_000]));
    let to_v3 = SPLIT
        .replace("subset: v2", "subset: v3")
        .replace("weight: 90", "weight: 95")
        .replace("weight: 10}", "weight: 5}");
    expect![[r"
        Error subset_not_ready at spec.http[0].route[1]: v3 has no pod: Deployment backend-v3 is scaled to zero. [kubectl scale deployment/backend-v3 -n default --replicas=1]
    "]].assert_eq(&against(&to_v3, &facts, &[9_000, 1_000]));
    // Less to what is broken is always right.
    assert_eq!(against(&to_v3, &facts, &[9_900, 100]), "");
}

#[test]
fn w5_an_owner_that_reverts_is_said_before_the_change() {
    let owned = SPLIT.replace(
        "namespace: default,",
        "namespace: default, annotations: {'argocd.argoproj.io/tracking-id': 'mesh:x'},",
    );
    let said = against(&owned, &facts(Vec::new()), &[5_000, 5_000]);
    assert!(
        said.starts_with("Warning owned at -: Argo CD applies this object from Git"),
        "{said}"
    );
}
