//! Folding, focus, and what else a whole answer shows.

use std::sync::Arc;

use super::*;
use crate::api::NodeKind;
use crate::telemetry::TrafficKey;

#[test]
fn r10_a_small_caller_whose_every_call_fails_does_not_drown() {
    let graph = graph("web -> cart : 9000 requests\n cron -> cart : 20 requests, 20 x 503");
    let cart = graph.nodes.iter().find(|n| n.name == "cart").unwrap();
    assert_eq!(cart.health.status, HealthStatus::Failing);
    assert_eq!(
        cart.health.reason,
        "calls from cron: 20 of 20 requests failed (100 %) in 5m"
    );
}

#[test]
fn a_folded_namespace_is_one_node_and_what_is_unknown_is_said() {
    let mesh = facts("web -> cart : 90 requests\n (cron) -> web : 10 requests, server only");
    let query = GraphQuery {
        fold: Fold::Namespaces(vec!["shop".to_owned()]),
        namespaces: vec!["no\"pe\\".to_owned(), "shop".to_owned()],
        ..GraphQuery::default()
    };
    let graph = answer(&mesh, &query, UnixMillis(0), UnixMillis(0), Vec::new());
    let ids: Vec<&str> = graph.edges.iter().map(|e| e.id.as_str()).collect();
    assert_eq!(ids, ["c/-/unknown->c/shop/namespace/all:http"]);
    assert!(graph.notices[0].message.contains("no\"pe\\"));
}

#[test]
fn a_box_is_drawn_around_what_has_a_namespace_and_is_not_folded() {
    let mesh = facts(
        "(cron) -> web : 10 requests, server only
         web -> bank/pay : 10 requests",
    );
    let boxed = |graph: &api::Graph| {
        let boxes = graph.namespaces.iter();
        boxes.map(|it| it.namespace.clone()).collect::<Vec<_>>()
    };
    let all = draw(&mesh, By::Workload);
    assert_eq!(boxed(&all), ["bank", "shop"]);
    let folded = ask(&mesh, |query| {
        query.fold = Fold::Namespaces(vec!["bank".to_owned()]);
    });
    assert_eq!(boxed(&folded), ["shop"]);
}

#[test]
fn what_is_hidden_or_out_of_focus_is_left_out() {
    let mesh =
        facts("web -> cart : 9 requests\n cart -> users : 9 requests\n users -> db : 9 requests");
    let id = |name: &str| format!("c/shop/{name}");
    let hidden = ask(&mesh, |q| q.hide = vec![id("users")]);
    assert_eq!(names(&hidden), ["cart", "db", "web"]);
    assert_eq!(hidden.edges.len(), 1);
    let focused = ask(&mesh, |q| q.focus = Some(id("cart")));
    assert_eq!(names(&focused), ["cart", "users", "web"]);
    let nowhere = ask(&mesh, |q| q.focus = Some(id("none")));
    assert_eq!(nowhere.nodes.len(), 4);
    assert!(nowhere.notices[0].message.contains("c/shop/none"));
}

#[test]
fn a_large_mesh_folds_what_is_surely_well_and_nothing_else() {
    let mut text = String::new();
    for n in 0..=MAX_UNFOLDED {
        text += &format!("web -> s{n} : 500 requests\n");
    }
    let mut mesh = facts(&text);
    let mut ill = facts("sick -> sicker : 3 requests, 2 x 503");
    for sample in &mut ill.requests {
        let mut key = TrafficKey::clone(&sample.key);
        key.source.namespace = Some("ward".into());
        key.destination.namespace = Some("ward".into());
        sample.key = Arc::new(key);
    }
    mesh.requests.extend(ill.requests);
    assert!(
        draw(&mesh, By::Workload).nodes.len() > MAX_UNFOLDED,
        "only folded when asked"
    );
    let folded = ask(&mesh, |q| q.fold = Fold::Auto);
    assert_eq!(names(&folded), ["shop", "sick", "sicker"]);
    assert!(
        folded.notices[0]
            .message
            .contains("1 namespaces that are well")
    );
    let all = &folded.nodes[0];
    assert_eq!(all.kind, NodeKind::Namespace);
    assert_eq!(
        all.health.status,
        HealthStatus::Healthy,
        "{}",
        all.health.reason
    );
    assert!(all.health.reason.starts_with("calls inside: "));
}

#[test]
fn nothing_is_zero_and_never_minus_zero() {
    let sum: f64 = std::iter::empty::<f64>().sum();
    assert!(six_digits(sum).is_sign_positive());
}
