//! R6: identity and projections.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::graph::identity::Identity;
use crate::telemetry::SideKind;

#[test]
fn r6_projections_are_of_the_same_facts() {
    let mesh = facts(
        "web -> cart-v1 : 90 requests
         web -> cart-v2 : 10 requests
         cart-v1 =grpc=> db : 50 requests",
    );
    let told = |by: By| -> Vec<String> {
        let graph = draw(&mesh, by);
        let edges = graph.edges.iter();
        edges
            .map(|it| format!("{} {}", it.id, it.traffic.requests))
            .collect()
    };
    assert_eq!(
        told(By::App),
        [
            "c/shop/app/cart->c/shop/app/db:grpc 50",
            "c/shop/app/web->c/shop/app/cart:http 100",
        ]
    );
    assert_eq!(
        told(By::Version),
        [
            "c/shop/version/cart@v1->c/shop/version/db@v1:grpc 50",
            "c/shop/version/web@v1->c/shop/version/cart@v1:http 90",
            "c/shop/version/web@v1->c/shop/version/cart@v2:http 10",
        ]
    );
    assert_eq!(
        told(By::Service),
        [
            "c/shop/app/web->c/shop/service/cart:http 100",
            "c/shop/service/cart->c/shop/service/db:grpc 50",
        ]
    );
}

#[test]
fn r6_a_peer_without_a_cluster_borrows_one() {
    let graph = graph(
        "web@east -> cart@- : 90 requests
         cron@- -> web@west : 10 requests
         (?) -> web@west : 10 requests, server only
         a@- -> b@- : 1 requests",
    );
    assert_eq!(
        ids(&graph),
        [
            "-/shop/a->-/shop/b:http",
            "east/shop/web->east/shop/cart:http",
            "west/-/unknown->west/shop/web:http",
            "west/shop/cron->west/shop/web:http",
        ]
    );
}

#[test]
fn r6_a_workload_of_two_clusters_is_two_nodes() {
    let graph = graph("web@east -> cart@east : 9 requests\n web@east -> cart@west : 9 requests");
    assert_eq!(names(&graph), ["cart", "web", "cart"]);
    assert_eq!(graph.nodes[2].id, "west/shop/cart");
}

#[test]
fn r6_an_id_with_a_sign_for_a_hexadecimal_is_no_id() {
    assert_eq!(Identity::parse("c/shop/a%+1"), None);
    assert!(Identity::parse("c/shop/a%2F").is_some());
    // In a namespace it is a workload of that name.
    let named = Identity::parse("c/shop/unknown").unwrap();
    assert_eq!(named.workload(), Some("unknown"));
}

fn identities() -> impl Strategy<Value = Identity> {
    let word = || {
        let odd = "[-/%:>@,a-z]{1,6}";
        let fixed = prop::sample::select(vec!["unknown", "all", "app", "service", "-", "egress"]);
        prop_oneof![".{1,6}", odd, fixed.prop_map(str::to_owned)].prop_map(Arc::<str>::from)
    };
    let maybe = || prop::option::of(word());
    (0..8, maybe(), maybe(), word(), maybe()).prop_map(|(kind, cluster, namespace, name, more)| {
        match kind {
            0 => Identity::Workload {
                cluster,
                namespace,
                workload: name,
            },
            1 => Identity::Version {
                cluster,
                namespace,
                app: name,
                version: more,
            },
            2 => Identity::App {
                cluster,
                namespace,
                app: name,
            },
            3 => Identity::Service {
                cluster,
                namespace,
                service: name,
            },
            4 => Identity::External {
                cluster,
                namespace,
                host: name,
            },
            5 => Identity::Egress { cluster, name },
            6 => Identity::Unknown { cluster },
            _ => Identity::Namespace {
                cluster,
                namespace: name,
            },
        }
    })
}

#[test]
fn r6_the_series_of_a_node_is_of_the_side_it_stands_on() {
    let id = workload_id("c", "shop", "web");
    assert_eq!(id, "c/shop/web");
    let (inbound, outbound) = (
        selector(&id, By::Workload).unwrap(),
        outbound_selector(&id, By::Workload).unwrap(),
    );
    assert!(inbound.source.is_none() && outbound.destination.is_none());
    assert!(outbound.source.is_some());
    assert_eq!(inbound.destination, outbound.source);
    let cart = service_id(Some("c"), "shop", "cart");
    assert_eq!(cart, "c/shop/service/cart");
    let what = |id: &str, by: By| selector(id, by)?.destination.map(|side| side.what);
    let (app, version, service) = ("cart".into(), "v1".into(), "cart".into());
    for (id, by, told) in [
        ("c/shop/app/cart", By::App, SideKind::App(app)),
        (
            "c/shop/version/cart@v1",
            By::Version,
            SideKind::Version("cart".into(), version),
        ),
        (&*cart, By::Service, SideKind::Service(service)),
        (
            &*cart,
            By::Workload,
            SideKind::ServiceWithoutEndpoint("cart".into()),
        ),
    ] {
        assert_eq!(what(id, by), Some(told), "{id}");
    }
    assert_eq!(what("c/shop/namespace/all", By::Workload), None);
    // Whom a service calls, telemetry does not say.
    assert!(outbound_selector(&cart, By::Service).is_none());
}

proptest! {
    #[test]
    fn r6_ids_are_injective_and_read_back(a in identities(), b in identities()) {
        prop_assert_eq!(Identity::parse(&a.id()), Some(a.clone()), "{}", a.id());
        prop_assert_eq!(a.id() == b.id(), a == b);
        // An edge's id is taken apart at its arrow.
        let edge = format!("{}->{}:http", a.id(), b.id());
        let (from, to) = edge.strip_suffix(":http").unwrap().split_once("->").unwrap();
        prop_assert_eq!((Identity::parse(from), Identity::parse(to)), (Some(a), Some(b)));
    }

    #[test]
    fn r6_the_series_of_an_edge_is_of_both_ends(name in "[-/%:>@a-z]{1,6}", space in ".{1,8}") {
        let workload = Identity::Workload {
            cluster: None,
            namespace: Some(space.as_str().into()),
            workload: name.as_str().into(),
        };
        let edge = format!("{}->{}:http", workload.id(), workload.id());
        let sides = selector(&edge, By::Workload).unwrap();
        prop_assert_eq!(sides.source, sides.destination);
    }
}
