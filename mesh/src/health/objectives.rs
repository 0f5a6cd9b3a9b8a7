//! What is expected where: thresholds for a namespace, a service, a workload.

/// What calls of one place are judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// A share of server errors that is surely worth a look.
    pub degraded: f64,
    /// A share of server errors that is surely too high.
    pub failing: f64,
    /// Fewer failures, or slow calls, than this never condemn.
    pub min_errors: f64,
    /// How long half of the calls may take at most, in milliseconds; `None`: nobody minds.
    pub p50_ms: Option<f64>,
    /// How long 95 % may take at most.
    pub p95_ms: Option<f64>,
    /// How long 99 % may take at most.
    pub p99_ms: Option<f64>,
}

impl Default for Thresholds {
    /// Rule R10's own.
    fn default() -> Self {
        Self {
            degraded: 0.01,
            failing: 0.10,
            min_errors: 3.0,
            p50_ms: None,
            p95_ms: None,
            p99_ms: None,
        }
    }
}

/// What an objective says; `None` leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    /// See [`Thresholds::degraded`].
    pub degraded: Option<f64>,
    /// See [`Thresholds::failing`].
    pub failing: Option<f64>,
    /// See [`Thresholds::min_errors`].
    pub min_errors: Option<f64>,
    /// See [`Thresholds::p50_ms`].
    pub p50_ms: Option<f64>,
    /// See [`Thresholds::p95_ms`].
    pub p95_ms: Option<f64>,
    /// See [`Thresholds::p99_ms`].
    pub p99_ms: Option<f64>,
}

impl Change {
    fn apply(&self, to: &mut Thresholds) {
        to.degraded = self.degraded.unwrap_or(to.degraded);
        to.failing = self.failing.unwrap_or(to.failing);
        to.min_errors = self.min_errors.unwrap_or(to.min_errors);
        to.p50_ms = self.p50_ms.or(to.p50_ms);
        to.p95_ms = self.p95_ms.or(to.p95_ms);
        to.p99_ms = self.p99_ms.or(to.p99_ms);
    }
}

/// A name, or one with `*` for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Returns the pattern.
    pub fn new(text: impl Into<String>) -> Pattern {
        Pattern(text.into())
    }

    /// Returns whether `name` fits.
    pub fn fits(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else {
            return false;
        };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            // The first place where a part fits leaves the most to those after it.
            match rest.find(part) {
                Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
                None => return false,
            }
        }
        false
    }
}

/// What of a namespace an objective is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All of it.
    All,
    /// Calls addressed to services of this name.
    Service(Pattern),
    /// Calls to workloads of this name.
    Workload(Pattern),
}

/// Where calls go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place<'a> {
    /// The namespace, where it is known.
    pub namespace: Option<&'a str>,
    /// The service that they were addressed to, where it is one.
    pub service: Option<&'a str>,
    /// The workload, where it is one.
    pub workload: Option<&'a str>,
}

#[derive(Clone, Debug, PartialEq)]
struct Objective {
    namespace: Pattern,
    subject: Subject,
    change: Change,
}

/// What is expected where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objectives {
    everywhere: Thresholds,
    /// Those for whole namespaces first, else in the order given.
    objectives: Vec<Objective>,
}

impl Objectives {
    /// Returns objectives that change rule R10's thresholds alike everywhere.
    pub fn everywhere(change: Change) -> Objectives {
        let mut everywhere = Thresholds::default();
        change.apply(&mut everywhere);
        Objectives {
            everywhere,
            objectives: Vec::new(),
        }
    }

    /// Adds an objective for the namespaces that fit. What is for a service or a workload goes before what is
    /// for the whole namespace, and of equals the later one.
    #[must_use]
    pub fn with(mut self, namespace: Pattern, subject: Subject, change: Change) -> Objectives {
        self.objectives.push(Objective {
            namespace,
            subject,
            change,
        });
        self.objectives
            .sort_by_key(|objective| objective.subject != Subject::All);
        self
    }

    /// Returns whether the same thresholds hold everywhere.
    pub fn are_everywhere_alike(&self) -> bool {
        self.objectives.is_empty()
    }

    /// Returns what calls that go to `place` are judged by.
    pub fn at(&self, place: &Place<'_>) -> Thresholds {
        let mut thresholds = self.everywhere;
        let fits = |pattern: &Pattern, name: Option<&str>| name.is_some_and(|it| pattern.fits(it));
        for objective in &self.objectives {
            let is_about = match &objective.subject {
                Subject::All => true,
                Subject::Service(pattern) => fits(pattern, place.service),
                Subject::Workload(pattern) => fits(pattern, place.workload),
            };
            if is_about && fits(&objective.namespace, place.namespace) {
                objective.change.apply(&mut thresholds);
            }
        }
        thresholds
    }
}
