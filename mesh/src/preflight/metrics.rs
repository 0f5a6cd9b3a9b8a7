//! Whether metrics arrive; whether traces and dashboards are found.

use super::{Facts, Look, Traces, count, named};
use crate::api::Source;
use crate::api::preflight::{Item, Status};
use crate::api::sources::ScrapeVerdict;

const SOURCE: Look = Look {
    id: "metrics.source",
    title: "Source of metrics",
    why: "The graph, health and the evidence beside weights are what it holds.",
};

const METRICS: Look = Look {
    id: "metrics.metrics",
    title: "Istio's metrics",
    why: "Each metric that is missing takes something from the pages.",
};

const LABELS: Look = Look {
    id: "metrics.labels",
    title: "Labels of requests",
    why: "Who calls whom, in which version, with which outcome is told by labels alone.",
};

const SCRAPES: Look = Look {
    id: "metrics.scrapes",
    title: "Scrapes in the window",
    why: "What a counter rose by is told by two scrapes at least, and well by four.",
};

const REQUESTS: Look = Look {
    id: "metrics.requests",
    title: "Requests in the last five minutes",
    why: "Without calls there is nothing to draw, to judge or to measure a canary by.",
};

const TRACES: Look = Look {
    id: "traces.jaeger",
    title: "Jaeger",
    why: "Traces say what one call did on its way.",
};

const GRAFANA: Look = Look {
    id: "dashboards.grafana",
    title: "Grafana",
    why: "Pages link to Istio's dashboards there; nothing else hangs on it.",
};

/// Returns whether metrics arrive.
pub fn items(facts: &Facts<'_>) -> Vec<Item> {
    let Some(source) = facts.metrics else {
        return vec![
            SOURCE
                .unknown("The source of metrics did not say in time what it holds.")
                .mend(
                    "ask again; a longer --prometheus-timeout does not help where it is overloaded",
                ),
        ];
    };
    let is_aks = facts.cluster.as_ref().map(super::Cluster::is_aks);
    let paste = |item: Item| match text(source, is_aks) {
        Some(text) => item.paste(text),
        None => item,
    };
    if !source.reachable {
        let problem = source.problem.as_deref();
        let item = SOURCE.fail(problem.unwrap_or("The source of metrics does not answer."));
        let item = match &source.hint {
            Some(hint) => item.mend(hint.clone()),
            None => item,
        };
        return vec![paste(item)];
    }
    let is_built_in = source.kind == "demo";
    let mut items = vec![answers(source)];
    if !is_built_in {
        items.push(paste_where(metrics(source), &paste));
        items.extend(labels(source));
        items.push(scrapes(source));
    }
    items.push(requests(facts.requests));
    items
}

fn paste_where(item: Item, paste: &impl Fn(Item) -> Item) -> Item {
    match item.status {
        Status::Fail | Status::Warn => paste(item),
        Status::Unknown | Status::Ok => item,
    }
}

/// Returns the text of the source's that fits how Istio came here. There may be others, for other ways to scrape.
fn text(source: &Source, is_aks: Option<bool>) -> Option<String> {
    let setting = match is_aks {
        Some(true) => "aks",
        Some(false) | None => "upstream",
    };
    let mut fitting = source
        .mends
        .iter()
        .filter(|it| it.setting == setting || it.setting == "any");
    fitting.next().map(|it| it.text.clone())
}

fn answers(source: &Source) -> Item {
    if source.kind == "demo" {
        return SOURCE.ok("The metrics are those of the built-in mesh.");
    }
    let name = source.storage.as_deref().unwrap_or("Prometheus");
    let version = source.version.as_deref().map(|it| format!(" {it}"));
    let at = source.url.as_deref().unwrap_or("its address");
    SOURCE.ok(format!(
        "{name}{} answers at {at}.",
        version.unwrap_or_default()
    ))
}

fn metrics(source: &Source) -> Item {
    let lacking: Vec<_> = source
        .metrics
        .iter()
        .filter(|it| !it.present && !it.optional)
        .collect();
    if lacking.is_empty() {
        let n = source.metrics.iter().filter(|it| it.present).count();
        return METRICS.ok(format!(
            "{n} metrics of Istio are there, none is missing that should be."
        ));
    }
    // The first is what all else stands on.
    let is_empty = source.metrics.first().is_some_and(|it| !it.present);
    let names: Vec<String> = lacking.iter().map(|it| it.name.clone()).collect();
    let mut lost: Vec<String> = lacking.iter().map(|it| it.lost.clone()).collect();
    lost.dedup();
    let message = format!(
        "Missing: {}. Lost without them: {}.",
        named(&names),
        named(&lost)
    );
    let item = match is_empty {
        true => METRICS.fail(message),
        false => METRICS.warn(message),
    };
    item.mend("have proxies and istiod scraped; the sources page has the text for other ways to scrape, too")
}

/// Returns how the labels stand; nothing where there is no request to look at.
fn labels(source: &Source) -> Option<Item> {
    let n = source.labels.len();
    let lacking: Vec<_> = source.labels.iter().filter(|it| !it.present).collect();
    if n == 0 {
        return None;
    }
    if lacking.is_empty() {
        return Some(LABELS.ok(format!("All {n} labels that are read are there.")));
    }
    let names: Vec<String> = lacking
        .iter()
        .map(|it| format!("{} ({})", it.name, it.lost))
        .collect();
    let message = format!("Missing: {}.", named(&names));
    let is_blind = lacking.iter().any(|it| it.lost.starts_with("everything"));
    let item = match is_blind {
        true => LABELS.fail(message),
        false => LABELS.warn(message),
    };
    Some(
        item.mend("take them back in: a Telemetry object or Prometheus's relabelling drops them")
            .paste("kubectl get telemetry -A -o yaml"),
    )
}

fn scrapes(source: &Source) -> Item {
    let Some(scrapes) = &source.scrapes else {
        return SCRAPES.unknown(
            "How often proxies are scraped can't be told: there are too few samples of them.",
        );
    };
    let every = source.scrape_interval_s;
    let every = every.map(|secs| format!("Proxies are scraped every {secs:.0} s. "));
    let every = every.unwrap_or_default();
    let message = format!("{every}{}", scrapes.reason);
    match scrapes.verdict {
        ScrapeVerdict::Enough => SCRAPES.ok(message),
        ScrapeVerdict::Few | ScrapeVerdict::TooFew => SCRAPES
            .warn(message)
            .mend("choose a longer window, or scrape more often"),
    }
}

fn requests(requests: Option<f64>) -> Item {
    match requests {
        None => REQUESTS.unknown("The source of metrics did not say in time."),
        Some(n) if n > 0.0 => {
            REQUESTS.ok(format!("Proxies reported {}.", about(n)))
        }
        Some(_) => REQUESTS
            .warn("No proxy reported a request.")
            .mend("send one through the mesh; where there are calls, look at injection and restarts first"),
    }
}

/// Counts are extrapolated: the first figures tell.
fn about(n: f64) -> String {
    match n {
        n if n < 1.5 => "a request".to_owned(),
        n if n < 1000.0 => format!("about {n:.0} requests"),
        n if n < 1e6 => format!("about {:.1} k requests", n / 1e3),
        n => format!("about {:.1} M requests", n / 1e6),
    }
}

/// A mesh whose proxies trace nothing is given this to trace one call in a hundred, or all.
const SAMPLING: &str = "apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: tracing
  namespace: istio-system
spec:
  tracing:
  - randomSamplingPercentage: 10
    # The name of an extension provider of the mesh's configuration; without it, the default one.
    # providers:
    # - name: jaeger";

/// Returns whether there are traces of the mesh.
pub fn traces(facts: &Facts<'_>) -> Item {
    let (source, names) = match facts.traces {
        Traces::Told(source, names) => (source, names),
        Traces::Late => {
            return TRACES
                .unknown("Jaeger did not say in time what it holds.")
                .mend("ask again; it may have too much to do");
        }
        Traces::Unasked => return unasked(facts),
    };
    if source.kind == "demo" {
        return TRACES.ok("The traces are those of the built-in mesh.");
    }
    if !source.reachable {
        let problem = source.problem.as_deref();
        let item = TRACES.warn(problem.unwrap_or("Jaeger can't be asked."));
        return match &source.hint {
            Some(hint) => item.mend(hint.as_str()),
            None => item,
        };
    }
    let url = source.url.as_deref().unwrap_or_default();
    let mut message = format!(
        "Jaeger answers at {url}: {}.",
        source.capabilities.join("; ")
    );
    let Some(names) = names.filter(|it| !it.items.is_empty()) else {
        return TRACES.ok(message);
    };
    let n_all = count(names.items.len(), "service");
    let n_found = names.items.iter().filter(|it| !it.found.is_empty()).count();
    if n_found > 0 {
        message += &format!(" Of {n_all} of the mesh, {n_found} trace under a name that fits.");
        return TRACES.ok(message);
    }
    let message = match names.unclaimed.is_empty() {
        true => format!("{message} None of the {n_all} of the mesh has traces."),
        false => format!(
            "{message} None of the {n_all} of the mesh is found among the names there: {}.",
            named(&names.unclaimed)
        ),
    };
    TRACES
        .warn(message)
        .mend(
            "have the proxies sample: Istio traces 1 % of calls, once a tracing provider is set. Where traces are there \
             under other names, choose the name on the page of traces",
        )
        .paste(SAMPLING)
}

fn unasked(facts: &Facts<'_>) -> Item {
    match facts.cluster.as_ref() {
        Some(it) if it.jaeger.is_none() => TRACES
            .ok("No Service here looks like Jaeger, and none is given: there are no traces. Everything else works.")
            .mend("to have traces, install Istio's add-on, or give the address of a Jaeger: --jaeger URL"),
        Some(_) => TRACES.warn("Jaeger is found, and is not asked."),
        None => TRACES
            .ok("No Jaeger is given: there are no traces. Everything else works.")
            .mend("to have traces, give its address: --jaeger URL"),
    }
}

/// Returns whether there is a Grafana to lead to.
pub fn grafana(facts: &Facts<'_>) -> Item {
    if let Some(url) = facts.grafana {
        return GRAFANA.ok(format!("Pages link to {url}."));
    }
    match (facts.cluster.as_ref(), facts.cluster.as_ref().and_then(|it| it.grafana.as_ref())) {
        (_, Some(place)) => GRAFANA
            .ok(format!("Found at {place}; pages do not link there, since its address is not given."))
            .mend("to have links, give the address that browsers reach it by")
            .paste(format!(
                "kubectl -n {} port-forward svc/{} 3000:{}\npidali serve --grafana http://localhost:3000",
                place.namespace, place.name, place.port
            )),
        (Some(_), None) => GRAFANA.ok("No Service here looks like Grafana, and none is needed."),
        (None, None) => GRAFANA.ok("None is given, and none is needed: `pidali serve --grafana URL` has pages link to one."),
    }
}
