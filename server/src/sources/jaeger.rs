//! Jaeger, or what speaks its API: who traces, searches and single traces, read as [`mesh::trace::Trace`]s.
//!
//! There are two dialects (docs/traces.md): the older one of its own page, and the stable third version, which is
//! OTLP. Which of them are there is looked at before the first question, and again when something else answers.

use std::sync::Arc;
use std::time::Duration;

use ::jaeger::{legacy, otlp};
use mesh::trace::{Dependency, Found, Search, Trace};
use moka::future::Cache;
use tokio::sync::Semaphore;

use super::reach::{Auth, BadWay, Reach, Way};
use crate::cluster::kube::{Addon, KubeCluster, Place};

mod ask;
mod dialect;
mod error;
mod search;

pub use error::JaegerError;
pub use search::read_search;

use ask::Body;
use dialect::Dialect;

/// What is known of the dialect is looked at again after this: a server may be updated behind its address.
const DIALECT_HOLDS: Duration = Duration::from_secs(600);

/// How to reach a Jaeger.
pub struct Settings {
    /// The address of its page, with any base path; a user and password in it are used for basic authentication.
    /// Empty where it is to be found in the cluster.
    pub url: String,
    /// Headers sent along.
    pub headers: Vec<(String, String)>,
    /// Who we are.
    pub auth: Auth,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How many questions may be open at once.
    pub concurrency: usize,
    /// How large an answer may be, decompressed, in bytes.
    pub max_answer_bytes: u64,
    /// The cluster that a `kube://` address is in, or that Jaeger is found in where the address is empty.
    pub cluster: Option<Arc<KubeCluster>>,
}

impl Settings {
    /// Returns the defaults for `url`.
    pub fn new(url: &str) -> Settings {
        Settings {
            url: url.to_owned(),
            headers: Vec::new(),
            auth: Auth::None,
            timeout: Duration::from_secs(10),
            concurrency: 4,
            max_answer_bytes: 64 * 1024 * 1024,
            cluster: None,
        }
    }
}

/// A client of one Jaeger.
pub struct Jaeger {
    reach: Reach,
    timeout: Duration,
    slots: Semaphore,
    max_bytes: u64,
    /// What it turned out to speak.
    dialect: Cache<(), Arc<Dialect>>,
}

/// What a Jaeger says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether it speaks the older dialect.
    pub has_legacy: bool,
    /// Whether it speaks the third version.
    pub has_v3: bool,
    /// Who traces.
    pub services: Vec<String>,
}

impl Jaeger {
    /// Returns a client; nothing is asked yet.
    pub fn new(settings: Settings) -> Result<Jaeger, BadWay> {
        let reach = Reach::new(Way {
            addon: Addon::Jaeger,
            url: settings.url,
            headers: settings.headers,
            auth: settings.auth,
            timeout: settings.timeout,
            cluster: settings.cluster,
        })?;
        Ok(Jaeger {
            reach,
            timeout: settings.timeout,
            slots: Semaphore::new(settings.concurrency.max(1)),
            max_bytes: settings.max_answer_bytes,
            dialect: Cache::builder()
                .max_capacity(1)
                .time_to_live(DIALECT_HOLDS)
                .build(),
        })
    }

    /// Finds out what it speaks, so that the first who looks need not wait for it.
    pub async fn meet(&self) {
        // Who asks next is told why.
        let _ = self.dialect().await;
    }

    /// Returns the names that processes trace under, sorted.
    ///
    /// # Errors
    /// Why Jaeger did not answer.
    pub async fn services(&self) -> Result<Vec<String>, JaegerError> {
        let (body, is_v3) = self.asked(Wanted::Services).await?;
        search::names(&body, is_v3.then_some(otlp::services))
    }

    /// Returns the operations of a service, sorted.
    ///
    /// # Errors
    /// Why Jaeger did not answer.
    pub async fn operations(&self, service: &str) -> Result<Vec<String>, JaegerError> {
        let (body, is_v3) = self.asked(Wanted::Operations(service)).await?;
        search::names(&body, is_v3.then_some(otlp::operations))
    }

    /// Returns the traces that a search finds, the youngest first.
    ///
    /// The older dialect is preferred: it finds by tags in every version.
    ///
    /// # Errors
    /// Why Jaeger did not answer.
    pub async fn find(&self, search: &Search) -> Result<Found, JaegerError> {
        let (body, is_v3) = self.asked(Wanted::Found(search)).await?;
        let asked = search.clone();
        let found = apart(move || search::found(&body, is_v3, &asked)).await?;
        if is_v3 || !search.errors || !found.traces.is_empty() {
            return Ok(found);
        }
        // Storage in memory, in versions 1.76 and 2.13, compares the text `true` with a truth and never finds a
        // failure: that there is none has to be seen in the traces themselves.
        let all = Search {
            errors: false,
            ..search.clone()
        };
        let (body, is_v3) = self.asked(Wanted::Found(&all)).await?;
        let asked = search.clone();
        apart(move || search::failed(&body, is_v3, &all, &asked)).await
    }

    /// Returns one trace by its id; `None` where there is none.
    ///
    /// # Errors
    /// Why Jaeger did not answer.
    pub async fn trace(&self, id: &str) -> Result<Option<Trace>, JaegerError> {
        let id = id.to_ascii_lowercase();
        let (body, is_v3) = self.asked(Wanted::Trace(&id)).await?;
        apart(move || search::one(&body, is_v3, &id)).await
    }

    /// Returns who called whom within `lookback` before an instant, sorted.
    ///
    /// # Errors
    /// Why Jaeger did not answer; the third version can't say it.
    pub async fn dependencies(
        &self,
        at_us: i64,
        lookback: Duration,
    ) -> Result<Vec<Dependency>, JaegerError> {
        let wanted = Wanted::Dependencies { at_us, lookback };
        let (body, _) = self.asked(wanted).await?;
        search::dependencies(&body)
    }

    /// Returns what it says of itself.
    ///
    /// # Errors
    /// Why Jaeger did not answer.
    pub async fn status(&self) -> Result<Status, JaegerError> {
        let services = self.services().await?;
        let dialect = self.dialect().await?;
        Ok(Status {
            has_legacy: dialect.legacy().is_some(),
            has_v3: dialect.has_v3(),
            services,
        })
    }

    /// Returns the Service that questions go to through the API server of its cluster.
    pub fn through_cluster(&self) -> Option<Place> {
        self.reach.through_cluster()
    }

    /// Returns the address, without credentials.
    pub fn url(&self) -> String {
        self.reach.shown()
    }

    /// Asks in the dialect that is spoken, and says whether that is the third version. Where something else answers than
    /// what was met before, it is met anew.
    async fn asked(&self, wanted: Wanted<'_>) -> Result<(Body, bool), JaegerError> {
        let dialect = self.dialect().await?;
        match self.ask_in(&dialect, wanted).await {
            Err(error) if error.may_be_another() => {
                self.dialect.invalidate(&()).await;
                let fresh = self.dialect().await?;
                if *fresh == *dialect {
                    return Err(error);
                }
                self.ask_in(&fresh, wanted).await
            }
            answered => answered,
        }
    }

    async fn ask_in(
        &self,
        dialect: &Dialect,
        wanted: Wanted<'_>,
    ) -> Result<(Body, bool), JaegerError> {
        let is_v3 = dialect.legacy().is_none();
        let (path, query) = match is_v3 {
            false => wanted.legacy(),
            true => wanted.v3().ok_or(JaegerError::Unspoken)?,
        };
        let body = self.ask(dialect.base(), &path, &query).await?;
        Ok((body, is_v3))
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Services,
    Operations(&'a str),
    Found(&'a Search),
    Trace(&'a str),
    Dependencies { at_us: i64, lookback: Duration },
}

/// A path, and the parameters behind it.
type Asking = (String, Vec<(String, String)>);

impl Wanted<'_> {
    fn legacy(self) -> Asking {
        match self {
            Wanted::Services => ("api/services".to_owned(), Vec::new()),
            Wanted::Operations(service) => {
                let path = format!("api/services/{}/operations", segment(service));
                (path, Vec::new())
            }
            Wanted::Found(search) => ("api/traces".to_owned(), legacy::query(search)),
            Wanted::Trace(id) => (format!("api/traces/{}", segment(id)), Vec::new()),
            Wanted::Dependencies { at_us, lookback } => {
                let query = [
                    ("endTs", at_us.div_euclid(1000).to_string()),
                    ("lookback", lookback.as_millis().to_string()),
                ];
                let query = query.map(|(name, value)| (name.to_owned(), value));
                ("api/dependencies".to_owned(), query.to_vec())
            }
        }
    }

    /// Returns how the third version is asked; `None` for what it can't say.
    fn v3(self) -> Option<Asking> {
        Some(match self {
            Wanted::Services => ("api/v3/services".to_owned(), Vec::new()),
            Wanted::Operations(service) => {
                let query = vec![("service".to_owned(), service.to_owned())];
                ("api/v3/operations".to_owned(), query)
            }
            Wanted::Found(search) => ("api/v3/traces".to_owned(), otlp::query(search)),
            Wanted::Trace(id) => (format!("api/v3/traces/{}", segment(id)), Vec::new()),
            Wanted::Dependencies { .. } => return None,
        })
    }
}

/// Reads what may be large where it holds nobody up.
async fn apart<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, JaegerError> + Send + 'static,
) -> Result<T, JaegerError> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or(Err(JaegerError::Interrupted))
}

/// Writes a text as one segment of a path.
fn segment(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                out.push(char::from(byte))
            }
            // Two dots alone would lead up.
            b'.' if !text.trim_matches('.').is_empty() => out.push('.'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests;
