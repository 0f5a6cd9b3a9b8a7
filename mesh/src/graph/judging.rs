//! Judges what is drawn by the objectives of its place and by the pods behind it (rule R10).

use crate::api::{Health, HealthStatus};
use crate::health::{self, Objectives, Place, Ready, Seen, Thresholds};
use crate::units::{UnixMillis, Window};

use super::identity::Identity;
use super::views::{Node, Views};
use super::{Calls, Facts};

/// A window that ended this long ago is not now: the pods of now say nothing of it.
const NOW_MS: i64 = 120_000;

/// Returns whether a window that ends at `at` tells of now.
pub fn is_now(at: UnixMillis, generated_at: UnixMillis) -> bool {
    generated_at.0.saturating_sub(at.0) < NOW_MS
}

/// Judges the calls and the nodes of one answer.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    window: Window,
    objectives: &'a Objectives,
    is_now: bool,
    with_latency: bool,
}

impl<'a> Judge<'a> {
    /// Judges by what is known; pods count where the window tells of now.
    pub fn of(facts: &'a Facts, is_now: bool, with_latency: bool) -> Judge<'a> {
        Judge {
            window: facts.window,
            objectives: &facts.objectives,
            is_now,
            with_latency,
        }
    }

    /// Judges calls that go to `to`; `hour` are the same calls in the last hour.
    pub fn calls(
        &self,
        views: &Views,
        to: &Identity,
        calls: Option<&Calls>,
        hour: Option<&Calls>,
    ) -> Health {
        self.by(&thresholds(self.objectives, views, to), calls, hour)
    }

    /// Judges the calls to a node, requests and connections; where nobody calls it, those it makes. `hour` is the same node in the last
    /// hour.
    pub fn node(
        &self,
        views: &Views,
        identity: &Identity,
        node: &Node,
        hour: Option<&Node>,
    ) -> Health {
        if node.inbound.is_some() {
            let hour = hour.and_then(|node| node.inbound.as_ref());
            return self.calls(views, identity, node.inbound.as_ref(), hour);
        }
        // An objective is about the calls that go to its place: what these go to is many places.
        let by = self.objectives.at(&Place::default());
        let hour = hour.and_then(|node| node.outbound.as_ref());
        self.by(&by, node.outbound.as_ref(), hour)
    }

    fn by(&self, by: &Thresholds, calls: Option<&Calls>, hour: Option<&Calls>) -> Health {
        let outcome = |calls: &Calls| calls.totals.outcome();
        let durations = calls.and_then(|calls| calls.histogram.as_ref());
        let seen = Seen {
            outcome: calls.map(outcome).unwrap_or_default(),
            hour: hour.map(outcome),
            durations: durations.filter(|_| self.with_latency),
        };
        let requests = || health::judge(seen, self.window, by);
        let Some(calls) = calls else {
            return requests();
        };
        match calls.tcp().map(|tcp| tcp.judge(self.window, by)) {
            None => requests(),
            Some(connections) if !calls.has_requests => connections,
            Some(connections) => {
                let requests = requests();
                let is_worse = connections.status < requests.status;
                // What is idle is no worse than what is well.
                if is_worse && connections.status < HealthStatus::Idle {
                    connections
                } else {
                    requests
                }
            }
        }
    }

    /// Returns the health of a node with what its pods say.
    pub fn pods(&self, node: &Node, health: Health) -> Health {
        match node.pods.filter(|_| self.is_now) {
            Some(pods) => Ready {
                wanted: pods.wanted,
                ready: pods.ready,
            }
            .judge(health),
            None => health,
        }
    }
}

/// Returns what calls that go to a node are judged by.
pub fn thresholds(objectives: &Objectives, views: &Views, to: &Identity) -> Thresholds {
    if objectives.are_everywhere_alike() {
        // There is one question for every edge.
        return objectives.at(&Place::default());
    }
    let served = views
        .node(to)
        .and_then(|node: &Node| node.service.as_deref());
    objectives.at(&Place {
        namespace: to.namespace(),
        service: to.service().or(served),
        workload: to.workload(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::api::Graph;
    use crate::api::query::GraphQuery;
    use crate::graph::answer;
    use crate::health::{Change, Pattern, Subject};
    use crate::inventory::Inventory;
    use crate::telemetry::{
        Bucket, Flags, Histogram, LatencySample, Mtls, Peer, Protocol, Reporter, Response, Sample,
        ServiceRef, TrafficKey,
    };

    /// 100 calls from web to cart, 3 of which fail, each below 100 ms or below 1 s.
    fn facts() -> Facts {
        let peer = |name: &str| Peer {
            namespace: Some("shop".into()),
            workload: Some(name.into()),
            ..Peer::default()
        };
        let key = |http: u16| {
            Arc::new(TrafficKey {
                reporter: Reporter::Source,
                source: peer("web"),
                destination: peer("cart-v1"),
                service: Some(ServiceRef {
                    namespace: Some("shop".into()),
                    name: "cart".into(),
                }),
                protocol: Protocol::Http,
                response: Response {
                    http: Some(http),
                    grpc: None,
                },
                flags: Flags::parse("-"),
                mtls: Mtls::Unknown,
                template: None,
            })
        };
        let buckets = [(100.0, 50.0), (1000.0, 100.0), (f64::INFINITY, 100.0)];
        let buckets = buckets.map(|(le_ms, count)| Bucket { le_ms, count });
        Facts {
            requests: vec![
                Sample {
                    key: key(200),
                    value: 97.0,
                },
                Sample {
                    key: key(503),
                    value: 3.0,
                },
            ],
            latency: Some(vec![LatencySample {
                key: key(200),
                histogram: Histogram::new(buckets.to_vec()).unwrap(),
            }]),
            ..Facts::default()
        }
    }

    fn drawn(facts: &Facts, age_ms: i64) -> Graph {
        let now = UnixMillis(10_000_000);
        let at = UnixMillis(now.0 - age_ms);
        answer(facts, &GraphQuery::default(), at, now, Vec::new())
    }

    fn statuses(graph: &Graph) -> (HealthStatus, HealthStatus) {
        let node = graph.nodes.iter().find(|node| node.name == "cart-v1");
        (graph.edges[0].health.status, node.unwrap().health.status)
    }

    fn cart(subject: Subject, change: Change) -> Facts {
        let objectives = Objectives::default().with(Pattern::new("shop"), subject, change);
        Facts {
            objectives: Arc::new(objectives),
            ..facts()
        }
    }

    #[test]
    fn r10_edges_and_nodes_are_judged_by_the_objectives_of_the_callee() {
        use HealthStatus::{Degraded, Failing};
        // 3 of 100: the lower bound is 1.03 %.
        assert_eq!(statuses(&drawn(&facts(), 0)), (Degraded, Degraded));
        let strict = Change {
            failing: Some(0.005),
            ..Change::default()
        };
        let service = cart(Subject::Service(Pattern::new("cart")), strict);
        assert_eq!(statuses(&drawn(&service, 0)), (Failing, Failing));
        let workload = cart(Subject::Workload(Pattern::new("cart-*")), strict);
        assert_eq!(statuses(&drawn(&workload, 0)), (Failing, Failing));
        let other = cart(Subject::Service(Pattern::new("web")), strict);
        assert_eq!(statuses(&drawn(&other, 0)), statuses(&drawn(&facts(), 0)));
    }

    #[test]
    fn r10_a_latency_objective_degrades_the_edge_and_its_callee_alone() {
        let slow = Change {
            p95_ms: Some(100.0),
            degraded: Some(0.5),
            ..Change::default()
        };
        let graph = drawn(&cart(Subject::All, slow), 0);
        assert_eq!(statuses(&graph).0, HealthStatus::Degraded);
        let reason = &graph.edges[0].health.reason;
        assert!(
            reason.starts_with("50 of 100 requests took longer than 100 ms"),
            "{reason}"
        );
        let web = graph.nodes.iter().find(|node| node.name == "web").unwrap();
        // The caller has no objective: it is judged by what everybody is.
        assert!(web.health.reason.starts_with("3 of 100 requests failed"));
    }

    fn with_pods(ready: u32) -> Facts {
        let objects = [
            json!({"kind": "Deployment", "metadata": {"namespace": "shop", "name": "cart-v1"},
            "spec": {"replicas": 2}, "status": {"replicas": 2, "readyReplicas": ready}}),
        ];
        let inventory = Inventory::read(objects.iter().map(|it: &Value| it));
        Facts {
            inventory: Some(Arc::new(inventory)),
            ..facts()
        }
    }

    #[test]
    fn r10_a_node_without_a_ready_pod_is_failing_now() {
        let (usual, _) = statuses(&drawn(&facts(), 0));
        let none = with_pods(0);
        assert_eq!(statuses(&drawn(&none, 0)), (usual, HealthStatus::Failing));
        assert_eq!(statuses(&drawn(&with_pods(1), 0)), (usual, usual));
        // An hour ago, other pods may have been ready.
        assert_eq!(statuses(&drawn(&none, 3_600_000)), (usual, usual));
    }
}
