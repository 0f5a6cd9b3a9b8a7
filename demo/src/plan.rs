//! The story under the present routing: each call of each workload with where it may go.

use mesh::telemetry::Protocol;

mod links;
pub(crate) use links::{LinkEnd, LinkPlan};

use crate::STEP_MS;
use crate::chance::{hash_text, mix};
use crate::deployments::{Deployment, Proxy};
use crate::ending::{Ending, Flags};
use crate::fleet::UpstreamId;
use crate::ledger::{Ledger, ServiceId, UpstreamName};
use crate::routing::{
    Abort, AbortStatus, Caller, ConnectionPool, Delay, Destination, OutlierDetection, Request,
    Retries, Routing, Verdict, host_of,
};
use crate::story::{Call, To, Wave, actor_of};

/// What every workload of the fleet calls; an index is a workload's place in the fleet.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) workloads: Vec<WorkloadPlan>,
}

/// What one workload calls.
pub(crate) struct WorkloadPlan {
    pub(crate) arrivals: Vec<(ArrivalPlan, CallPlan)>,
    pub(crate) bursts: Vec<(BurstPlan, CallPlan)>,
    pub(crate) calls: Vec<CallPlan>,
    pub(crate) links: Vec<LinkPlan>,
}

impl WorkloadPlan {
    /// Returns every destination that its pods' proxies know, with what is spoken to it.
    pub(crate) fn upstreams(&self) -> impl Iterator<Item = (Protocol, &Upstream)> {
        let arrivals = self.arrivals.iter().map(|(_, call)| call);
        let bursts = self.bursts.iter().map(|(_, call)| call);
        let calls = arrivals.chain(bursts).chain(&self.calls);
        calls.flat_map(|call| {
            let branches = call.branches.iter().filter_map(|branch| match &branch.end {
                BranchEnd::To(upstream) => Some(upstream),
                BranchEnd::Proxy(_) => None,
            });
            let mirrors = call.mirrors.iter().map(|mirror| &mirror.upstream);
            let upstreams = branches.chain(mirrors);
            upstreams.map(|upstream| (call.call.protocol, upstream))
        })
    }
}

/// When calls start.
pub(crate) struct ArrivalPlan {
    pub(crate) wave: &'static Wave,
    /// Keys the dice, so that one arrival's chance does not hang on another's.
    pub(crate) stream: u64,
}

/// When many calls start at once.
pub(crate) struct BurstPlan {
    pub(crate) every_steps: i64,
    /// Keys the dice.
    pub(crate) stream: u64,
}

/// A call of the story, routed.
pub(crate) struct CallPlan {
    pub(crate) call: &'static Call,
    pub(crate) delay: Option<Delay>,
    pub(crate) abort: Option<(f64, Ending)>,
    pub(crate) retries: Option<Retries>,
    /// How long it may take with all its attempts; an injected delay comes before.
    pub(crate) timeout_ms: f64,
    /// The service that the caller addressed.
    pub(crate) service: Option<ServiceId>,
    pub(crate) branches: Vec<Branch>,
    /// The sum of the branches' weights.
    pub(crate) weight: u64,
    pub(crate) mirrors: Vec<MirrorPlan>,
}

/// One way that a call may take.
pub(crate) struct Branch {
    pub(crate) weight: u64,
    pub(crate) service: Option<ServiceId>,
    pub(crate) end: BranchEnd,
}

/// Where a way leads.
pub(crate) enum BranchEnd {
    To(Upstream),
    /// The caller's proxy answers.
    Proxy(Ending),
}

/// Where copies of some calls go.
pub(crate) struct MirrorPlan {
    pub(crate) share: f64,
    pub(crate) service: Option<ServiceId>,
    pub(crate) upstream: Upstream,
}

/// A destination as the caller's proxy knows it: what Envoy calls a cluster.
pub(crate) struct Upstream {
    pub(crate) id: UpstreamId,
    /// The workloads whose ready pods take its calls.
    pub(crate) workloads: Vec<usize>,
    /// `None` when nothing is limited, as mostly.
    pub(crate) limits: Option<ConnectionPool>,
    /// `None` when pods that fail are not left out.
    pub(crate) outlier_detection: Option<OutlierDetection>,
    /// The waypoint that calls to it pass, where the caller's node hands them to one.
    pub(crate) waypoint: Option<usize>,
}

impl Plan {
    /// Returns the story of these Deployments under a routing.
    pub(crate) fn new(deployments: &[Deployment], routing: &Routing, ledger: &mut Ledger) -> Plan {
        let workloads = deployments
            .iter()
            .map(|deployment| {
                let actor = actor_of(&deployment.namespace, &deployment.name);
                let mut plan = |call: &'static Call| {
                    CallPlan::new(
                        call,
                        actor.gateway,
                        deployment,
                        deployments,
                        routing,
                        ledger,
                    )
                };
                let place = format!("{}/{}", deployment.namespace, deployment.name);
                WorkloadPlan {
                    arrivals: actor
                        .arrivals
                        .iter()
                        .zip(0_u64..)
                        .map(|(arrival, idx)| {
                            let start = ArrivalPlan {
                                wave: &arrival.wave,
                                stream: mix(hash_text(&place) ^ idx),
                            };
                            (start, plan(&arrival.call))
                        })
                        .collect(),
                    bursts: actor
                        .bursts
                        .iter()
                        .zip(u64::MAX / 2..)
                        .map(|(burst, idx)| {
                            let start = BurstPlan {
                                every_steps: burst.every_minutes * 60_000 / STEP_MS,
                                stream: mix(hash_text(&place) ^ idx),
                            };
                            (start, plan(&burst.call))
                        })
                        .collect(),
                    calls: actor.calls.iter().map(&mut plan).collect(),
                    links: links::plan(actor, deployment, deployments, routing, ledger),
                }
            })
            .collect();
        Plan { workloads }
    }
}

impl CallPlan {
    fn new(
        call: &'static Call,
        from_gateway: bool,
        caller: &Deployment,
        deployments: &[Deployment],
        routing: &Routing,
        ledger: &mut Ledger,
    ) -> CallPlan {
        let (host, addressed) = match call.to {
            To::Service(namespace, name) => (
                host_of(namespace, name),
                Some(ledger.service(namespace, name)),
            ),
            // A gateway without a cluster for the call does not know which service was meant.
            To::Host(host) => (host.to_owned(), None),
        };
        let request = Request {
            caller: Caller {
                namespace: &caller.namespace,
                labels: &caller.labels,
                is_gateway: from_gateway,
                port: routing.port_of(&host),
            },
            host: &host,
            method: match call.protocol {
                Protocol::Grpc => "POST",
                _ => "GET",
            },
            path: call.path,
            headers: call.headers,
        };
        let is_direct = caller.proxy == Proxy::None;
        let waypoint = (caller.proxy == Proxy::Ambient)
            .then(|| routing.waypoint_of(&host, deployments))
            .flatten();
        let mut plan = CallPlan {
            call,
            delay: None,
            abort: None,
            retries: None,
            timeout_ms: f64::INFINITY,
            service: addressed,
            branches: Vec::new(),
            weight: 1,
            mirrors: Vec::new(),
        };
        let by_proxy = |http, flags| Branch {
            weight: 1,
            service: addressed,
            end: BranchEnd::Proxy(Ending::by_proxy(call.protocol, http, flags)),
        };
        let verdict = if is_direct {
            routing.direct(&request, deployments)
        } else {
            routing.route(&request, deployments)
        };
        match verdict {
            Verdict::NoRoute => plan.branches.push(by_proxy(404, Flags::NR)),
            Verdict::Answer(status) => plan.branches.push(by_proxy(status, Flags::NONE)),
            Verdict::Route(route) => {
                plan.delay = route.delay;
                plan.retries = route.retries;
                plan.timeout_ms = route.timeout_ms.unwrap_or(f64::INFINITY);
                plan.abort = route.abort.map(|abort| {
                    let Abort { share, status } = abort;
                    (share, aborted(call.protocol, status))
                });
                plan.weight = route.shares.iter().map(|share| share.weight).sum();
                for share in route.shares {
                    let to = share.destination;
                    let service = service_of(&to, ledger);
                    let missing = Ending::by_proxy(call.protocol, 503, Flags::NC);
                    plan.branches.push(Branch {
                        weight: share.weight,
                        service: service.or(addressed),
                        end: Upstream::of(to, waypoint, ledger)
                            .map_or(BranchEnd::Proxy(missing), BranchEnd::To),
                    });
                }
                for mirror in route.mirrors {
                    let service = service_of(&mirror.destination, ledger);
                    // A copy for a cluster that is not there is dropped without a word.
                    if let Some(upstream) = Upstream::of(mirror.destination, waypoint, ledger) {
                        plan.mirrors.push(MirrorPlan {
                            share: mirror.share,
                            service,
                            upstream,
                        });
                    }
                }
                // An injected failure is told of the first destination's service, at a gateway too.
                plan.service = addressed.or(plan.branches.first().and_then(|b| b.service));
            }
        }
        plan
    }
}

impl Upstream {
    /// Returns the cluster of a destination, if the caller's proxy has one.
    fn of(
        destination: Destination,
        waypoint: Option<usize>,
        ledger: &mut Ledger,
    ) -> Option<Upstream> {
        let Destination {
            service,
            subset,
            port,
            workloads,
            policy,
        } = destination;
        let name = format!("{service:?}|{subset:?}|{port:?}");
        let id = UpstreamId(hash_text(&name));
        let workloads = workloads?;
        if let (Some((namespace, service)), Some(port)) = (service, port) {
            let name = UpstreamName {
                namespace,
                service,
                port,
                subset,
            };
            ledger.name_upstream(id, name);
        }
        Some(Upstream {
            id,
            workloads,
            waypoint,
            limits: Some(policy.connection_pool).filter(ConnectionPool::is_limited),
            outlier_detection: policy.outlier_detection,
        })
    }
}

fn service_of(destination: &Destination, ledger: &mut Ledger) -> Option<ServiceId> {
    let (namespace, name) = destination.service.as_ref()?;
    Some(ledger.service(namespace, name))
}

fn aborted(protocol: Protocol, status: AbortStatus) -> Ending {
    match status {
        AbortStatus::Http(http) => Ending::by_proxy(protocol, http, Flags::FI),
        AbortStatus::Grpc(status) => Ending::grpc_status(status).flagged(Flags::FI),
    }
}
