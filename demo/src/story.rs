//! The story of the demo world: who arrives, who calls whom, how well and how fast each answers.
//!
//! Replicas, labels and routing come from the objects; here is only what no object says. A person
//! reads the same story in `STORY.md`.

use mesh::telemetry::Protocol::{self, Grpc, Http};

/// What a workload does.
pub(crate) struct Actor {
    pub(crate) namespace: &'static str,
    /// The Deployment.
    pub(crate) workload: &'static str,
    /// Whether it is a gateway: then it follows what is bound to it, and addresses hosts.
    pub(crate) gateway: bool,
    /// Calls it makes on its own.
    pub(crate) arrivals: &'static [Arrival],
    /// Many calls that one of its pods starts at once; `mean` is how many.
    pub(crate) bursts: &'static [Burst],
    /// Calls it makes for each call it serves; `mean` is how many.
    pub(crate) calls: &'static [Call],
    pub(crate) pace: Pace,
    /// How its calls end where they do not go well, with the share of each.
    pub(crate) troubles: &'static [(f64, Trouble)],
}

/// Calls that start here; `mean` of the call is its average rate per second.
pub(crate) struct Arrival {
    pub(crate) call: Call,
    pub(crate) wave: Wave,
}

/// Calls that start together, at full minutes.
pub(crate) struct Burst {
    pub(crate) call: Call,
    pub(crate) every_minutes: i64,
}

/// How a rate comes and goes.
pub(crate) struct Wave {
    /// How much more at the busiest hour of the day than on average, as a share.
    pub(crate) daily: f64,
    /// The busiest hour, UTC.
    pub(crate) peak_hour: f64,
    /// The same for a faster wave.
    pub(crate) fast: f64,
    /// The length of the faster wave.
    pub(crate) fast_minutes: f64,
}

/// Calls of one workload to one host.
pub(crate) struct Call {
    /// Namespace and name of the service, or a host at a gateway.
    pub(crate) to: To,
    pub(crate) protocol: Protocol,
    /// How many: see where the call stands.
    pub(crate) mean: f64,
    pub(crate) path: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// The share of calls whose client goes away before the answer.
    pub(crate) gone: f64,
    /// The share of failures of this call that fail the caller's own answer.
    pub(crate) fatal: f64,
}

/// What a call addresses.
#[derive(Clone, Copy)]
pub(crate) enum To {
    /// A service of the mesh.
    Service(&'static str, &'static str),
    /// A host at a gateway.
    Host(&'static str),
}

/// How long a workload takes for its own part of an answer: lognormal with a slow tail.
pub(crate) struct Pace {
    pub(crate) median_ms: f64,
    /// The deviation of the logarithm: 0.3 is steady, 1 is wild.
    pub(crate) spread: f64,
    /// The share of calls that are slow, and how many times slower.
    pub(crate) tail: (f64, f64),
}

/// How a call goes wrong.
#[derive(Clone, Copy)]
pub(crate) enum Trouble {
    /// The server answers with this HTTP status.
    Status(u16),
    /// The server answers with this gRPC status.
    GrpcStatus(u16),
    /// The client's proxy can't connect: flag UF, no endpoint took it.
    NoConnection,
    /// The connection breaks before an answer: flag UC, no endpoint answered it.
    Broken,
}

const fn pace(median_ms: f64, spread: f64) -> Pace {
    Pace {
        median_ms,
        spread,
        tail: (0.01, 4.0),
    }
}

const fn http(namespace: &'static str, name: &'static str, mean: f64, path: &'static str) -> Call {
    Call {
        to: To::Service(namespace, name),
        protocol: Http,
        mean,
        path,
        headers: &[],
        gone: 0.0,
        fatal: 0.0,
    }
}

const fn grpc(namespace: &'static str, name: &'static str, mean: f64, path: &'static str) -> Call {
    Call {
        protocol: Grpc,
        ..http(namespace, name, mean, path)
    }
}

const fn web(host: &'static str, mean: f64, path: &'static str, gone: f64) -> Call {
    Call {
        to: To::Host(host),
        gone,
        ..http("", "", mean, path)
    }
}

impl Call {
    const fn with_header(self, headers: &'static [(&'static str, &'static str)]) -> Call {
        Call { headers, ..self }
    }

    const fn gone(self, gone: f64) -> Call {
        Call { gone, ..self }
    }

    const fn fatal(self, fatal: f64) -> Call {
        Call { fatal, ..self }
    }
}

const fn arrival(call: Call, daily: f64, peak_hour: f64, fast: f64, fast_minutes: f64) -> Arrival {
    Arrival {
        call,
        wave: Wave {
            daily,
            peak_hour,
            fast,
            fast_minutes,
        },
    }
}

const fn actor(namespace: &'static str, workload: &'static str, pace: Pace) -> Actor {
    Actor {
        namespace,
        workload,
        gateway: false,
        arrivals: &[],
        bursts: &[],
        calls: &[],
        pace,
        troubles: &[],
    }
}

/// What a workload does that the story does not name: it answers.
pub(crate) static EXTRA: Actor = actor("", "", pace(5.0, 0.5));

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
        ..actor("platform", "users", pace(4.0, 0.45))
    },
    Actor {
        calls: &[http("shop", "catalog", 0.15, "/catalog/export")],
        troubles: &[(0.002, Trouble::Status(400))],
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
        troubles: &[(0.15, Trouble::Status(502))],
        ..actor("platform", "notifications", pace(120.0, 0.5))
    },
    actor("platform", "audit", pace(2.0, 0.4)),
    actor("platform", "features", pace(0.8, 0.4)),
];

/// Returns what a workload does.
pub(crate) fn actor_of(namespace: &str, workload: &str) -> &'static Actor {
    ACTORS
        .iter()
        .find(|actor| actor.namespace == namespace && actor.workload == workload)
        .unwrap_or(&EXTRA)
}

impl Wave {
    /// Returns the factor on the average rate at a time.
    pub(crate) fn at(&self, unix_ms: i64) -> f64 {
        use std::f64::consts::TAU;
        let day_ms = 24.0 * 3_600_000.0;
        let hour = unix_ms.rem_euclid(24 * 3_600_000) as f64 / day_ms * 24.0;
        let daily = self.daily * (TAU * (hour - self.peak_hour) / 24.0).cos();
        // Each wave counts from the epoch, so that worlds started at other times agree.
        let fast_ms = self.fast_minutes * 60_000.0;
        let fast = self.fast * (TAU * (unix_ms as f64 % fast_ms) / fast_ms).sin();
        (1.0 + daily + fast).max(0.0)
    }
}
