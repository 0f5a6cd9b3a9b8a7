//! Who and what records name: each gets a small number once.

use std::collections::BTreeMap;

use super::Record;
use crate::ejection::PodId;
use crate::ending::Ending;
use crate::fleet::{Fleet, PodAt, UpstreamId};
use crate::ledger::WorkloadId;
use crate::story::{Actor, Call};

/// All that records name.
#[derive(Default)]
pub(crate) struct Cast {
    pods: Vec<CastPod>,
    by_id: BTreeMap<PodId, u16>,
    calls: Vec<&'static Call>,
    upstreams: Vec<UpstreamId>,
    endings: Vec<Ending>,
}

/// A pod that had to do with a sampled call.
pub(crate) struct CastPod {
    pub(crate) id: PodId,
    pub(crate) name: Box<str>,
    pub(crate) workload: WorkloadId,
    pub(crate) actor: &'static Actor,
    /// When it last told anything, in microseconds since the epoch.
    pub(crate) told_us: i64,
    /// The same of who works for it outside the mesh.
    pub(crate) worked_us: i64,
}

/// Numbers of pods are small; so many are not reached but by somebody who rolls out all day.
const MAX_PODS: usize = 60_000;

impl Cast {
    pub(super) fn is_full(&self) -> bool {
        MAX_PODS <= self.pods.len()
    }

    /// Returns the number of a pod that lives.
    pub(crate) fn pod(&mut self, fleet: &Fleet, at: PodAt) -> Option<u16> {
        let workload = fleet.workloads.get(at.workload)?;
        let pod = workload.pods.get(at.pod)?;
        if let Some(known) = self.by_id.get(&pod.id)
            && let Some(known_pod) = self.pods.get(usize::from(*known))
            // Objects that change twice within one step give two pods of one id.
            && *known_pod.name == *pod.name
            && known_pod.workload == workload.id
        {
            return Some(*known);
        }
        let number = u16::try_from(self.pods.len()).ok()?;
        self.pods.push(CastPod {
            id: pod.id,
            name: pod.name.as_str().into(),
            workload: workload.id,
            actor: workload.actor,
            told_us: i64::MIN,
            worked_us: i64::MIN,
        });
        self.by_id.insert(pod.id, number);
        Some(number)
    }

    pub(crate) fn call(&mut self, call: &'static Call) -> u16 {
        number(&mut self.calls, call, |a, b| std::ptr::eq(*a, *b))
    }

    pub(crate) fn upstream(&mut self, upstream: UpstreamId) -> u16 {
        number(&mut self.upstreams, upstream, PartialEq::eq)
    }

    pub(crate) fn ending(&mut self, ending: Ending) -> u16 {
        number(&mut self.endings, ending, PartialEq::eq)
    }

    /// Returns a pod, dead or alive.
    pub(crate) fn pod_of(&self, number: u16) -> Option<&CastPod> {
        self.pods.get(usize::from(number))
    }

    pub(crate) fn call_of(&self, number: u16) -> Option<&'static Call> {
        self.calls.get(usize::from(number)).copied()
    }

    pub(crate) fn upstream_of(&self, number: u16) -> Option<UpstreamId> {
        self.upstreams.get(usize::from(number)).copied()
    }

    pub(crate) fn ending_of(&self, number: u16) -> Option<Ending> {
        self.endings.get(usize::from(number)).copied()
    }

    /// Returns all pods; a number is an index.
    pub(crate) fn pods(&self) -> &[CastPod] {
        &self.pods
    }

    /// Notes that a pod, or who works for it, told something of a trace that ended at a time.
    pub(super) fn note(&mut self, record: &Record, end_us: i64) {
        let pod = record.teller().map(usize::from);
        if let Some(pod) = pod.and_then(|it| self.pods.get_mut(it)) {
            let told = match record.side {
                super::Side::Worker => &mut pod.worked_us,
                _ => &mut pod.told_us,
            };
            *told = end_us.max(*told);
        }
    }
}

/// Returns the number of an item; the last one, should there be more than numbers.
fn number<T>(items: &mut Vec<T>, item: T, is_same: impl Fn(&T, &T) -> bool) -> u16 {
    let known = items.iter().position(|it| is_same(it, &item));
    let idx = known.unwrap_or_else(|| {
        if items.len() < usize::from(u16::MAX) - 1 {
            items.push(item);
        }
        items.len().saturating_sub(1)
    });
    idx as u16
}
