//! Objects: what people write into them.

use super::*;

#[test]
fn what_can_not_be_followed_is_named_and_changes_nothing_else() {
    let mut world = builtin();
    world.set_objects(&changed("backend-routing", |o| set_weights(o, [0, 0])));
    let complaints: Vec<String> = world
        .complaints()
        .iter()
        .map(|c| format!("{} {}/{}: {}", c.kind, c.namespace, c.name, c.reason))
        .collect();
    assert_eq!(
        complaints,
        ["VirtualService default/backend-routing: http/0: the weights add up to 0"]
    );
    world.advance_to(later(60));
    let edges = by_edge(&world.requests(&Requests {
        window: window(60),
        at: world.now(),
    }));
    // Without the VirtualService, the service's four pods share the calls.
    let n = |to: &str| edges[&("frontend".to_owned(), to.to_owned())];
    assert!((0.7..1.4).contains(&(n("backend-v1") / n("backend-v2"))));
}

/// Any JSON: what a person may write into an object.
fn anything() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let words = [
        "backend",
        "v1",
        "v9",
        "*",
        "*.",
        "mesh",
        "app-gateway",
        "a/b/c",
        "",
        "5s",
        "-1s",
        "1ms",
        "5xx,reset,503",
        "[a-z]+|(",
        "TLS",
        "PASSTHROUGH",
        "true",
        "\u{e9}",
        "\"\n\\",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_i64..200).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
    ];
    let fields = [
        "hosts",
        "gateways",
        "http",
        "match",
        "route",
        "destination",
        "host",
        "subset",
        "weight",
        "headers",
        "uri",
        "exact",
        "prefix",
        "fault",
        "delay",
        "abort",
        "percentage",
        "value",
        "fixedDelay",
        "httpStatus",
        "grpcStatus",
        "subsets",
        "labels",
        "name",
        "servers",
        "selector",
        "port",
        "number",
        "ports",
        "replicas",
        "template",
        "metadata",
        "redirect",
        "directResponse",
        "status",
        "delegate",
        "namespace",
        "timeout",
        "retries",
        "attempts",
        "perTryTimeout",
        "retryOn",
        "mirror",
        "mirrors",
        "mirrorPercentage",
        "tcp",
        "tls",
        "sniHosts",
        "mode",
        "protocol",
        "exportTo",
        "regex",
        "queryParams",
        "gateways",
        "trafficPolicy",
        "portLevelSettings",
        "connectionPool",
        "maxConnections",
        "http1MaxPendingRequests",
        "http2MaxRequests",
        "outlierDetection",
        "consecutive5xxErrors",
        "interval",
        "baseEjectionTime",
        "maxEjectionPercent",
        "minHealthPercent",
    ];
    leaf.prop_recursive(6, 60, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(fields.to_vec()), inner, 0..5)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(300))]

    /// Whatever is written into a routing object, the world goes on.
    #[test]
    fn nothing_written_stops_the_world(
        idx in 0_usize..100,
        pointer in proptest::sample::select(vec![
            "/spec", "/spec/http", "/spec/http/0", "/spec/http/0/route", "/spec/http/0/match",
            "/spec/http/0/route/0", "/spec/http/0/route/0/destination", "/spec/hosts", "/spec/host",
            "/spec/subsets", "/spec/selector", "/spec/servers", "/spec/ports", "/spec/replicas",
            "/spec/template", "/status", "/metadata/labels", "/spec/trafficPolicy",
            "/spec/trafficPolicy/connectionPool", "/spec/trafficPolicy/outlierDetection",
            "/spec/servers/0", "/spec/servers/0/port", "/spec/servers/0/hosts",
        ]),
        written in anything(),
    ) {
        let mut values: Vec<Value> = Objects::builtin().iter().cloned().collect();
        let idx = idx % values.len();
        if let Some(place) = values[idx].pointer_mut(pointer) {
            *place = written;
        }
        let mut world = FUZZED.with(|world| world.take()).unwrap_or_else(builtin);
        world.set_objects(&Objects::from_values(values).unwrap());
        world.advance_to(UnixMillis(world.now().0 + 1000));
        proptest::prop_assert!(!world.expose().is_empty());
        FUZZED.with(|kept| kept.set(Some(world)));
    }
}

thread_local! {
    /// One world lives through all cases: its ledger and fleet see every change after the other.
    static FUZZED: std::cell::Cell<Option<World>> = const { std::cell::Cell::new(None) };
}
