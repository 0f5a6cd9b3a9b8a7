//! What people do to routes, as the page does it: look at one, set its weights, take a change back.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::{Answer, Pidali, Prometheus};

/// How long something may take that takes a moment.
const PATIENCE: Duration = Duration::from_secs(60);

impl Pidali {
    /// Starts `pidali serve` on a cluster without any metrics, and waits until it has read the routes of these
    /// namespaces, `shop,payments`.
    pub async fn on_cluster(kubeconfig: &str, namespaces: &str) -> Result<Pidali> {
        let prometheus = &Prometheus::without_metrics()?.url;
        let pidali = Pidali::start(&[
            "serve",
            "--prometheus",
            prometheus,
            "--kubeconfig",
            kubeconfig,
        ])?;
        let begun = Instant::now();
        loop {
            let routes = pidali
                .json(&format!("routes?namespaces={namespaces}"))
                .await?;
            let is_read = !routes["notices"].to_string().contains("cluster_reading");
            if is_read && routes["items"].as_array().is_some_and(|it| !it.is_empty()) {
                return Ok(pidali);
            }
            if begun.elapsed() > PATIENCE {
                bail!("the cluster is not read: {}", routes["notices"]);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until a route, `routes/shop/virtualservice/cart`, is as wanted.
    pub async fn route_when(&self, route: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let answer = self.get(route).await?;
            if answer.status == 200 && is_so(&answer.json) {
                return Ok(answer.json);
            }
            if begun.elapsed() > PATIENCE {
                bail!(
                    "the route is not as wanted: {} {}",
                    answer.status,
                    answer.text
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Sets the weights of a rule as it is seen now; `more` is said as well.
    pub async fn set_weights(
        &self,
        route: &str,
        rule: &str,
        to: &[i64],
        more: Value,
    ) -> Result<Answer> {
        let seen = self.json(route).await?;
        let mut body =
            json!({"resource_version": seen["resource_version"], "rule": rule, "weights": to});
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        self.send("PUT", &format!("{route}/weights"), &body, &[])
            .await
    }

    /// Takes a change of a route back, as the route is seen now.
    pub async fn undo(&self, route: &str, change: &Value) -> Result<Answer> {
        let seen = self.json(route).await?;
        let body = json!({"resource_version": seen["resource_version"], "change": change});
        self.send("POST", &format!("{route}/undo"), &body, &[])
            .await
    }
}

impl Answer {
    /// Returns kind and message of a refusal; empty where it is none.
    pub fn refusal(&self) -> (&str, &str) {
        let error = &self.json["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_default();
        (text("kind"), text("message"))
    }
}
