//! The story itself, actor by actor.

use super::{
    Actor, Burst, Link, Pace, Spells, To, Trouble, Worker, actor, arrival, grpc, http, link, pace,
    web,
};

/// Everyone who does something.
pub(crate) static ACTORS: &[Actor] = &[
    Actor {
        gateway: true,
        arrivals: &[
            arrival(
                web("app.example.com", 10.0, "/", 0.001),
                0.15,
                14.0,
                0.15,
                4.0,
            ),
            arrival(
                web("www.example.com", 12.0, "/", 0.001),
                0.15,
                14.0,
                0.15,
                5.0,
            ),
            arrival(
                web("shop.example.com", 16.0, "/", 0.004),
                0.35,
                19.0,
                0.2,
                6.5,
            ),
        ],
        ..actor("istio-system", "istio-ingressgateway", pace(0.5, 0.3))
    },
    // The setting of a platform team that follows a guide to Istio on AKS.
    Actor {
        calls: &[
            http("default", "backend", 2.45, "/api/items"),
            http("default", "backend", 0.05, "/api/items").with_header(&[("x-testing", "true")]),
        ],
        troubles: &[(0.0005, Trouble::Status(500))],
        ..actor("default", "frontend", pace(6.0, 0.4))
    },
    Actor {
        troubles: &[
            (0.0012, Trouble::Status(503)),
            (0.004, Trouble::Status(404)),
        ],
        ..actor("default", "backend-v1", pace(9.0, 0.45))
    },
    Actor {
        troubles: &[
            (0.0010, Trouble::Status(503)),
            (0.004, Trouble::Status(404)),
        ],
        ..actor("default", "backend-v2", pace(8.7, 0.45))
    },
    // The shop.
    Actor {
        calls: &[
            http("shop", "catalog", 1.1, "/catalog"),
            http("shop", "cart", 0.5, "/cart").gone(0.004),
            http("shop", "checkout", 0.15, "/checkout").gone(0.008),
            grpc("shop", "recommendation", 0.7, "/shop.Recommendation/List"),
            grpc("platform", "auth", 0.8, "/platform.Auth/Check").fatal(0.5),
            http("platform", "search", 0.35, "/search"),
            http("shop", "reviews", 0.3, "/reviews"),
            grpc("platform", "features", 0.4, "/platform.Features/Get"),
        ],
        troubles: &[
            (0.002, Trouble::Status(404)),
            (0.0004, Trouble::Status(500)),
        ],
        ..actor("shop", "web", pace(7.0, 0.5))
    },
    Actor {
        calls: &[
            grpc("inventory", "pricing", 0.9, "/inventory.Pricing/Quote"),
            http("inventory", "stock", 0.6, "/stock"),
            grpc("platform", "features", 0.1, "/platform.Features/Get"),
            http("shop", "reviews", 0.2, "/reviews/summary"),
        ],
        troubles: &[
            (0.006, Trouble::Status(404)),
            (0.0005, Trouble::Status(500)),
        ],
        ..actor("shop", "catalog", pace(5.0, 0.5))
    },
    Actor {
        calls: &[
            http("inventory", "stock", 0.4, "/stock/reserve"),
            grpc("inventory", "pricing", 0.7, "/inventory.Pricing/Quote"),
            http("platform", "users", 0.4, "/users/me"),
        ],
        troubles: &[(0.003, Trouble::Status(409))],
        ..actor("shop", "cart", pace(4.0, 0.5))
    },
    Actor {
        calls: &[
            http("shop", "cart", 1.0, "/cart"),
            http("payments", "payments", 1.1, "/charge").fatal(0.4),
            http("shop", "orders", 0.9, "/orders").fatal(0.3),
            grpc(
                "inventory",
                "warehouse",
                0.8,
                "/inventory.Warehouse/Allocate",
            ),
            http("platform", "audit", 0.3, "/events"),
        ],
        troubles: &[(0.001, Trouble::Status(500))],
        ..actor("shop", "checkout", pace(15.0, 0.5))
    },
    // Orders and users ask each other: a cycle.
    Actor {
        calls: &[
            http("platform", "users", 0.7, "/users/addresses"),
            grpc("inventory", "warehouse", 0.5, "/inventory.Warehouse/Ship"),
            http("platform", "audit", 0.5, "/events"),
        ],
        troubles: &[(0.0008, Trouble::Status(500))],
        // It confirms each order by mail.
        worker: Some(Worker {
            name: "mailer",
            queue: "order-confirmations",
            calls: "smtp.example.net",
            waits_ms: 60.0,
            pace: pace(180.0, 0.5),
            fails: 0.02,
        }),
        ..actor("shop", "orders", pace(11.0, 0.55))
    },
    Actor {
        calls: &[
            http("shop", "catalog", 0.4, "/catalog/similar"),
            grpc("platform", "features", 0.2, "/platform.Features/Get"),
        ],
        troubles: &[
            (0.008, Trouble::GrpcStatus(5)),
            (0.001, Trouble::NoConnection),
        ],
        // One for each thing it recommends.
        answers: 6,
        ..actor(
            "shop",
            "recommendation",
            Pace {
                median_ms: 22.0,
                spread: 0.7,
                tail: (0.02, 5.0),
            },
        )
    },
    Actor {
        calls: &[http("platform", "users", 0.2, "/users/names")],
        troubles: &[(0.06, Trouble::Status(404))],
        ..actor("shop", "reviews", pace(6.0, 0.5))
    },
    // The bad canary: v2 fails more and has a slow tail.
    Actor {
        calls: &[
            grpc("payments", "ledger", 1.2, "/payments.Ledger/Book"),
            grpc("payments", "fraud", 0.9, "/payments.Fraud/Score"),
        ],
        links: &[Link {
            last_secs: 60,
            ..link(
                To::Host("api.pay.example.com"),
                443,
                2,
                0.9,
                (1500.0, 4200.0),
            )
        }],
        troubles: &[
            (0.002, Trouble::Status(402)),
            (0.0015, Trouble::Status(500)),
        ],
        ..actor("payments", "payments-v1", pace(28.0, 0.4))
    },
    Actor {
        calls: &[
            grpc("payments", "ledger", 1.2, "/payments.Ledger/Book"),
            grpc("payments", "fraud", 0.9, "/payments.Fraud/Score"),
        ],
        links: &[Link {
            last_secs: 60,
            ..link(
                To::Host("api.pay.example.com"),
                443,
                2,
                0.9,
                (1500.0, 4200.0),
            )
        }],
        troubles: &[
            (0.002, Trouble::Status(402)),
            (0.045, Trouble::Status(500)),
            (0.015, Trouble::Status(503)),
        ],
        ..actor(
            "payments",
            "payments-v2",
            Pace {
                median_ms: 34.0,
                spread: 0.6,
                tail: (0.12, 12.0),
            },
        )
    },
    Actor {
        calls: &[http("platform", "audit", 0.25, "/events")],
        // It keeps its books in the database.
        links: &[link(
            To::Service("payments", "postgres"),
            5432,
            4,
            3.0,
            (220.0, 1400.0),
        )],
        troubles: &[(0.0006, Trouble::GrpcStatus(14)), (0.0006, Trouble::Broken)],
        ..actor("payments", "ledger", pace(8.0, 0.4))
    },
    Actor {
        calls: &[http("platform", "users", 0.5, "/users/history")],
        troubles: &[(0.004, Trouble::GrpcStatus(5))],
        ..actor(
            "payments",
            "fraud",
            Pace {
                median_ms: 45.0,
                spread: 0.5,
                tail: (0.03, 4.0),
            },
        )
    },
    // The inventory; stock-v2 has no ready pod, so nobody ever sees how it behaves.
    Actor {
        calls: &[grpc(
            "inventory",
            "warehouse",
            0.25,
            "/inventory.Warehouse/Count",
        )],
        troubles: &[(0.012, Trouble::Status(404))],
        ..actor("inventory", "stock-v1", pace(6.0, 0.45))
    },
    actor("inventory", "stock-v2", pace(6.0, 0.45)),
    Actor {
        troubles: &[
            (0.002, Trouble::GrpcStatus(14)),
            (0.0015, Trouble::NoConnection),
            (0.01, Trouble::GrpcStatus(5)),
        ],
        ..actor("inventory", "warehouse", pace(12.0, 0.6))
    },
    Actor {
        calls: &[grpc("platform", "features", 0.05, "/platform.Features/Get")],
        troubles: &[(0.004, Trouble::GrpcStatus(5))],
        ..actor("inventory", "pricing", pace(2.5, 0.4))
    },
    // The platform.
    Actor {
        arrivals: &[
            arrival(
                http("platform", "notifications", 1.0 / 120.0, "/notify"),
                0.0,
                12.0,
                0.0,
                5.0,
            ),
            arrival(
                http("platform", "search", 1.5, "/index"),
                0.0,
                3.0,
                0.5,
                3.0,
            ),
            arrival(
                http("inventory", "stock", 0.8, "/stock/sync"),
                0.0,
                3.0,
                0.4,
                7.0,
            ),
            arrival(
                http("platform", "audit", 0.2, "/events/rotate"),
                0.0,
                3.0,
                0.0,
                5.0,
            ),
            arrival(
                http("default", "backend", 1.5, "/api/reports/state"),
                0.0,
                12.0,
                0.0,
                5.0,
            ),
        ],
        // More at once than the limits of `backend-circuit-breaker` let through.
        bursts: &[Burst {
            call: http("default", "backend", 200.0, "/api/reports"),
            every_minutes: 1,
        }],
        ..actor("platform", "scheduler", pace(1.0, 0.3))
    },
    Actor {
        calls: &[http("platform", "users", 0.3, "/users/sessions")],
        troubles: &[
            (0.01, Trouble::GrpcStatus(16)),
            (0.0008, Trouble::GrpcStatus(14)),
        ],
        ..actor("platform", "auth", pace(3.0, 0.4))
    },
    Actor {
        calls: &[
            http("shop", "orders", 0.03, "/orders/open"),
            grpc("platform", "features", 0.1, "/platform.Features/Get"),
        ],
        troubles: &[(0.01, Trouble::Status(404))],
        // It was called so once, and its tracing name was set by hand then.
        traced_as: Some("accounts"),
        ..actor("platform", "users", pace(4.0, 0.45))
    },
    Actor {
        calls: &[http("shop", "catalog", 0.15, "/catalog/export")],
        troubles: &[(0.002, Trouble::Status(400))],
        // Its callers leave the pod out: see the DestinationRule `search`.
        spells: Some(Spells {
            every_minutes: 12,
            last_secs: 45,
            trouble: Trouble::Status(503),
        }),
        ..actor(
            "platform",
            "search",
            Pace {
                median_ms: 35.0,
                spread: 0.6,
                tail: (0.03, 3.0),
            },
        )
    },
    Actor {
        calls: &[http("platform", "users", 1.0, "/users/contact")],
        // No object names this host.
        links: &[link(
            To::Host("sms.example.net"),
            443,
            1,
            1.0,
            (900.0, 600.0),
        )],
        troubles: &[(0.15, Trouble::Status(502))],
        ..actor("platform", "notifications", pace(120.0, 0.5))
    },
    actor("platform", "audit", pace(2.0, 0.4)),
    actor("platform", "features", pace(0.8, 0.4)),
    // Media is ambient: the waypoint tells of requests, the nodes' proxies of bytes.
    Actor {
        arrivals: &[arrival(
            http("media", "gallery", 3.0, "/gallery/frames"),
            0.2,
            20.0,
            0.2,
            4.5,
        )],
        links: &[Link {
            per_sec: 1.5,
            ..link(
                To::Service("media", "blobs"),
                9000,
                2,
                0.0,
                (180_000.0, 300.0),
            )
        }],
        ..actor("media", "encoder", pace(1.0, 0.3))
    },
    Actor {
        links: &[link(
            To::Service("media", "blobs"),
            9000,
            3,
            1.5,
            (400.0, 60_000.0),
        )],
        troubles: &[(0.01, Trouble::Status(404)), (0.002, Trouble::Status(500))],
        ..actor("media", "gallery", pace(9.0, 0.5))
    },
    // It has no proxy: only those that it calls tell of it.
    Actor {
        arrivals: &[
            arrival(
                http("shop", "catalog", 0.8, "/catalog/import"),
                0.0,
                12.0,
                0.3,
                6.0,
            ),
            arrival(
                http("inventory", "stock", 0.4, "/stock/import"),
                0.0,
                12.0,
                0.3,
                6.0,
            ),
        ],
        ..actor("legacy", "importer", pace(1.0, 0.3))
    },
];
