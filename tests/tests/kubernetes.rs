//! Steering the routes of a real Kubernetes API: what is written, who may, who else does, and what happens when
//! things go wrong in the middle.

#[path = "kubernetes/rollout.rs"]
mod rollout;
#[path = "kubernetes/shop.rs"]
mod shop;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use serde_json::json;
use support::{ApiServer, Pidali, Wire, wait_until};

use shop::{Shop, error, told};

#[tokio::test(flavor = "multi_thread")]
async fn weights_are_previewed_set_recorded_and_taken_back() -> Result<()> {
    let shop = Shop::new("steered")?;
    let pidali = shop.serve("admin").await?;
    let before = shop.object("virtualservice")?;
    let preview = shop
        .set(&pidali, &[70, 30], json!({"dry_run": true}))
        .await?;
    assert_eq!(preview.status, 200, "{}", preview.text);
    assert_eq!(preview.json["results"][0]["server_checked"], true);
    assert_eq!(
        shop.object("virtualservice")?,
        before,
        "a preview wrote something"
    );

    let set = shop
        .set(&pidali, &[70, 30], json!({"reason": "canary"}))
        .await?;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(shop.weights()?, [70, 30]);
    // The page sees at once what it wrote.
    let seen = pidali.json(&shop.route()).await?;
    assert_eq!(
        seen["resource_version"],
        set.json["results"][0]["resource_version"]
    );
    let history = pidali.json(&format!("{}/history", shop.route())).await?;
    assert_eq!(history["items"][0]["who"], "admin");
    assert_eq!(history["items"][0]["reason"], "canary");
    let events = shop.kubectl(&["get", "events", "-o", "jsonpath={.items[*].message}"])?;
    assert!(
        events.contains("90/10 → 70/30 by admin (canary)"),
        "{events}"
    );

    let undo = shop.undo(&pidali, &set.json["change"]).await?;
    assert_eq!(undo.status, 200, "{}", undo.text);
    assert_eq!(shop.object("virtualservice")?["spec"], before["spec"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_people_at_once_exactly_one_wins_and_the_other_is_told() -> Result<()> {
    let shop = Shop::new("two-people")?;
    let (one, other) = (shop.serve("admin").await?, shop.serve("admin").await?);
    for round in 0..5_i64 {
        let (a, b) = (20 + round, 60 + round);
        let seen = one.json(&shop.route()).await?;
        shop.until(&other, |route| {
            route["resource_version"] == seen["resource_version"]
        })
        .await?;
        let (of_one, of_other) = ([100 - a, a], [100 - b, b]);
        let (first, second) = tokio::join!(
            shop.set_seen(&one, &seen, &of_one),
            shop.set_seen(&other, &seen, &of_other),
        );
        let (first, second) = (first?, second?);
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} / {}", first.text, second.text);
        let (won, lost) = if first.status == 200 {
            (a, &second)
        } else {
            (b, &first)
        };
        assert_eq!(shop.weights()?, [100 - won, won]);
        assert_eq!(error(lost).0, "conflict");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_hand_did_meanwhile_is_never_written_over() -> Result<()> {
    let shop = Shop::new("meanwhile")?;
    let pidali = shop.serve("admin").await?;
    let seen = pidali.json(&shop.route()).await?;
    // A status, an annotation: the draft still holds.
    shop.kubectl(&["annotate", "virtualservice", "backend", "seen=yes"])?;
    let set = shop.set_seen(&pidali, &seen, &[80, 20]).await?;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(
        shop.object("virtualservice")?["metadata"]["annotations"]["seen"],
        "yes"
    );

    // Rules in another order.
    let seen = pidali.json(&shop.route()).await?;
    let first = json!({"match": [{"headers": {"x-testing": {"exact": "true"}}}], "route": [{"destination": {"host": "backend", "subset": "v2"}}]});
    let reordered = json!([{"op": "add", "path": "/spec/http/0", "value": first}]).to_string();
    shop.kubectl(&[
        "patch",
        "virtualservice",
        "backend",
        "--type=json",
        "-p",
        &reordered,
    ])?;
    let before = shop.object("virtualservice")?;
    let set = shop.set_seen(&pidali, &seen, &[50, 50]).await?;
    assert_eq!(
        (set.status, error(&set).0),
        (409, "conflict"),
        "{}",
        set.text
    );
    assert_eq!(shop.object("virtualservice")?, before);

    // Another subset under the same weights.
    let seen = shop
        .until(&pidali, |route| {
            route["rules"].as_array().is_some_and(|it| it.len() == 2)
        })
        .await?;
    let renamed = json!([{"op": "replace", "path": "/spec/http/1/route/1/destination/subset", "value": "v3"}]).to_string();
    shop.kubectl(&[
        "patch",
        "virtualservice",
        "backend",
        "--type=json",
        "-p",
        &renamed,
    ])?;
    let body = json!({"resource_version": seen["resource_version"], "uid": seen["uid"], "generation": seen["generation"], "rule": "http/1", "weights": [50, 50]});
    let set = pidali
        .send("PUT", &format!("{}/weights", shop.route()), &body, &[])
        .await?;
    assert_eq!(
        (set.status, error(&set).0),
        (409, "conflict"),
        "{}",
        set.text
    );

    // Nothing there any more.
    let seen = pidali.json(&shop.route()).await?;
    shop.kubectl(&["delete", "virtualservice", "backend"])?;
    let set = shop.set_seen(&pidali, &seen, &[50, 50]).await?;
    assert!(
        matches!(set.status, 404 | 409),
        "{} {}",
        set.status,
        set.text
    );
    shop.gone(&pidali).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_write_is_told_which_right_is_missing() -> Result<()> {
    let shop = Shop::new("viewed")?;
    let pidali = shop.serve("viewer").await?;
    for dry_run in [true, false] {
        let set = shop
            .set(&pidali, &[70, 30], json!({"dry_run": dry_run}))
            .await?;
        assert_eq!(
            (set.status, error(&set).0),
            (403, "forbidden"),
            "{}",
            set.text
        );
        let hint = set.json["error"]["hint"].as_str().unwrap_or_default();
        assert!(
            hint.contains("the right to patch VirtualService objects in namespace viewed"),
            "{hint}"
        );
        // What it would be is shown all the same, and that it is only ours is said.
        assert_eq!(set.json["results"][0]["server_checked"], false);
        assert!(
            !set.json["results"][0]["diff"]
                .as_array()
                .context("a diff")?
                .is_empty()
        );
    }
    assert_eq!(shop.weights()?, [90, 10]);
    let sources = pidali.json("sources").await?;
    let cluster = &sources["items"][1];
    assert_eq!(cluster["reachable"], true, "{cluster}");
    assert!(
        told(&cluster["capabilities"]).contains("asked as viewer"),
        "{cluster}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_a_change_that_can_not_be_recorded_is_refused_unless_it_is_wanted_so() -> Result<()> {
    let shop = Shop::new("unrecorded")?;
    let pidali = shop.serve("unrecorded").await?;
    // Weights carry their record themselves.
    let set = shop.set(&pidali, &[70, 30], json!({})).await?;
    assert_eq!(set.status, 200, "{}", set.text);

    let seen = pidali.json(&shop.route()).await?;
    let before = shop.object("virtualservice")?;
    let testers = json!([{
        "kind": "put_rule", "rule": "http/0", "new": true, "resource_version": seen["resource_version"],
        "object": {"namespace": "unrecorded", "kind": "virtualservice", "name": "backend"},
        "spec": {
            "matches": [{"headers": {"x-testing": {"exact": "true"}}}],
            "destinations": [{"host": "backend", "subset": "v2"}],
        },
    }]);
    for dry_run in [true, false] {
        let body = json!({"edits": testers, "dry_run": dry_run});
        let refused = pidali.send("POST", "changes", &body, &[]).await?;
        let told = (refused.status, error(&refused).0);
        assert_eq!(told, (403, "no_record"), "{}", refused.text);
        let hint = refused.json["error"]["hint"].as_str().unwrap_or_default();
        let right = "the right to create ControllerRevision objects in namespace unrecorded";
        assert!(
            hint.contains(right) && hint.contains("without record"),
            "{hint}"
        );
    }
    let now = shop.object("virtualservice")?;
    assert_eq!(now, before, "a refusal wrote something");

    let body = json!({"edits": testers, "dry_run": true, "without_record": true});
    let preview = pidali.send("POST", "changes", &body, &[]).await?;
    assert_eq!(preview.status, 200, "{}", preview.text);
    let checks = preview.json["results"][0]["checks"].to_string();
    assert!(
        checks.contains("is kept: no right to create") && checks.contains("can't be taken back"),
        "{checks}"
    );
    let body = json!({"edits": testers, "reason": "testers", "without_record": true});
    let made = pidali.send("POST", "changes", &body, &[]).await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let now = shop.object("virtualservice")?;
    assert_eq!(now["spec"]["http"][1], before["spec"]["http"][0]);
    // Who and why is in the object all the same; only the way back is not.
    let history = pidali.json(&format!("{}/history", shop.route())).await?;
    assert_eq!(history["items"][0]["reason"], "testers");
    let copies = shop.kubectl(&["get", "controllerrevisions", "-o", "name"])?;
    assert_eq!(copies.trim(), "");
    let undo = shop.undo(&pidali, &made.json["change"]).await?;
    let refused = (undo.status, error(&undo).0);
    assert_eq!(refused, (404, "not_found"), "{}", undo.text);
    assert!(error(&undo).1.contains("No copy"), "{}", undo.text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_may_not_be_listed_is_a_notice_and_hides_nothing_else() -> Result<()> {
    let shop = Shop::new("blinded")?;
    let pidali = shop.serve("blind").await?;
    let routes = pidali.json("routes?namespaces=blinded").await?;
    assert_eq!(routes["items"][0]["name"], "backend");
    let notices = routes["notices"].as_array().context("notices")?;
    let forbidden = notices.iter().find(|it| it["kind"] == "cluster_forbidden");
    let message = forbidden.context("no notice")?["message"]
        .as_str()
        .unwrap_or_default();
    assert!(
        message.contains("DestinationRule") && !message.contains("VirtualService"),
        "{message}"
    );
    // Whether the subsets exist is not known, so nobody says that they don't.
    let checks = routes["items"][0]["checks"].to_string();
    assert!(!checks.contains("\"severity\":\"error\""), "{checks}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_every_owner_is_told_with_and_without_the_right_to_list_what_owns() -> Result<()> {
    let shop = Shop::new("owned")?;
    for (name, manager, metadata) in shop::OWNERS {
        shop.apply_owned(name, manager, metadata)?;
    }
    // Neither user may list rollouts, canaries, applications or kustomizations: the admin because the cluster has no
    // such kinds, the blind one by right as well.
    for user in ["admin", "blind"] {
        let pidali = shop.serve(user).await?;
        for (name, ..) in shop::OWNERS {
            let route = pidali
                .json(&format!("routes/owned/virtualservice/{name}"))
                .await?;
            let kind = name.trim_end_matches("-marked").replace('-', "_");
            assert_eq!(
                route["owner"]["kind"], kind,
                "{user} {name}: {}",
                route["owner"]
            );
            let effect = match kind.as_str() {
                "argo_rollouts" | "flagger" => "locks",
                "argo_cd" | "flux" => "reverts",
                _ => "rewrites",
            };
            assert_eq!(route["owner"]["effect"], effect, "{name}");
        }
        if user == "admin" {
            for (name, ..) in shop::OWNERS {
                let route = format!("routes/owned/virtualservice/{name}");
                let set = shop
                    .set_at(&pidali, &route, &[70, 30], json!({"dry_run": true}))
                    .await?;
                let is_locked = name.starts_with("argo-rollouts") || name.starts_with("flagger");
                assert_eq!(error(&set).0 == "owned", is_locked, "{name}: {}", set.text);
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_admission_says_is_passed_on() -> Result<()> {
    let shop = Shop::new("admitted")?;
    let pidali = shop.serve("admin").await?;
    shop.apply(shop::POLICY)?;
    let refused = async || -> Result<bool> {
        let set = shop
            .set(&pidali, &[10, 90], json!({"dry_run": true}))
            .await?;
        Ok(set.status == 422 && error(&set).1.contains("v2 gets half at most"))
    };
    // The server takes a policy up after a while.
    let begun = Instant::now();
    while !refused().await? {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "the policy does not act"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let set = shop.set(&pidali, &[10, 90], json!({})).await?;
    assert_eq!(set.status, 422, "{}", set.text);
    assert_eq!(shop.weights()?, [90, 10]);
    let set = shop.set(&pidali, &[60, 40], json!({})).await?;
    assert_eq!(set.status, 200, "{}", set.text);

    // A webhook that nobody answers at, as when istiod is gone.
    shop.apply(shop::WEBHOOK)?;
    let begun = Instant::now();
    loop {
        let set = shop
            .set(&pidali, &[55, 45], json!({"dry_run": true}))
            .await?;
        if set.status == 422 && error(&set).0 == "admission" {
            assert!(
                error(&set).1.contains("ailed calling webhook"),
                "{}",
                set.text
            );
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "the webhook does not act: {}",
            set.text
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(shop.weights()?, [60, 40]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_is_lost_is_found_again() -> Result<()> {
    let shop = Shop::new("lost")?;
    let wire = Arc::new(Wire::to(shop.port(), Duration::from_millis(700))?);
    let kubeconfig = shop.kubeconfig_through(&wire)?;
    let pidali = shop.serve_with(&kubeconfig).await?;
    let seen = pidali.json(&shop.route()).await?;
    // As soon as the write is there, its answer, which is on its way, gets lost.
    let cut = std::thread::spawn({
        let (shop, wire) = (shop.again(), Arc::clone(&wire));
        move || -> Result<()> {
            let limit = Duration::from_secs(30);
            wait_until("the write arrives", limit, || {
                shop.weights().is_ok_and(|it| it == [70, 30])
            })?;
            wire.deafen();
            std::thread::sleep(Duration::from_millis(1500));
            wire.mend();
            Ok(())
        }
    });
    let set = shop.set_seen(&pidali, &seen, &[70, 30]).await?;
    cut.join()
        .map_err(|_| anyhow::anyhow!("the wire was not cut"))??;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(set.json["results"][0]["outcome"], "applied");
    assert_eq!(shop.weights()?, [70, 30]);
    // The watches are back.
    shop.kubectl(&["annotate", "virtualservice", "backend", "later=yes"])?;
    let version = shop.object("virtualservice")?["metadata"]["resourceVersion"].clone();
    shop.until(&pidali, |route| route["resource_version"] == version)
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_goes_away_is_said_and_followed_again_when_it_is_back() -> Result<()> {
    let mut server = ApiServer::start()?;
    let shop = Shop::on(&server, "away")?;
    let pidali = Pidali::start(&[
        "serve",
        "--prometheus",
        shop::prometheus()?,
        "--kubeconfig",
        &server.kubeconfig().display().to_string(),
    ])?;
    let route = shop.route();
    shop.until(&pidali, |_| true).await?;
    let seen = pidali.json(&route).await?;
    drop(shop);
    server.stop_api();
    let body = json!({"resource_version": seen["resource_version"], "rule": "http/0", "weights": [70, 30]});
    let set = pidali
        .send("PUT", &format!("{route}/weights"), &body, &[])
        .await?;
    assert_eq!(
        (set.status, error(&set).0),
        (502, "unreachable"),
        "{}",
        set.text
    );
    // What was known is still shown, and that it is old is said.
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let routes = pidali.json("routes?namespaces=away").await?;
        assert_eq!(routes["items"][0]["name"], "backend");
        if routes["notices"].to_string().contains("cluster_stale") {
            break;
        }
        assert!(Instant::now() < deadline, "{}", routes["notices"]);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    server.start_api()?;
    let shop = Shop::at(&server, "away");
    assert_eq!(shop.weights()?, [90, 10], "a refused write was done");
    shop.kubectl(&["annotate", "virtualservice", "backend", "later=yes"])?;
    let version = shop.object("virtualservice")?["metadata"]["resourceVersion"].clone();
    shop.until(&pidali, |route| route["resource_version"] == version)
        .await?;
    let set = shop.set(&pidali, &[70, 30], json!({})).await?;
    assert_eq!(set.status, 200, "{}", set.text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_fail_are_said_with_the_mend() -> Result<()> {
    let shop = Shop::new("credentials")?;
    for (user, expected) in [
        (json!({"token": "nobody"}), "401"),
        (
            json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "pidali-no-such-login", "interactiveMode": "IfAvailable"}}),
            "is not installed",
        ),
        (
            json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", "echo 'AADSTS70043: the login expired' >&2; exit 1"], "interactiveMode": "IfAvailable"}}),
            "AADSTS70043: the login expired",
        ),
        (
            json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "interactiveMode": "Always"}}),
            "wants a person at a terminal",
        ),
    ] {
        let kubeconfig = shop.kubeconfig_with(user)?;
        let pidali = Pidali::start(&[
            "serve",
            "--prometheus",
            shop::prometheus()?,
            "--kubeconfig",
            &kubeconfig,
        ])?;
        let mut problem = String::new();
        let begun = Instant::now();
        while problem.is_empty() && begun.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let sources = pidali.json("sources").await?;
            let cluster = &sources["items"][1];
            assert_eq!(cluster["reachable"], false);
            problem = cluster["problem"].as_str().unwrap_or_default().to_owned();
            assert!(
                problem.is_empty() || cluster["hint"].is_string(),
                "{cluster}"
            );
        }
        assert!(problem.contains(expected), "{problem}");
    }
    Ok(())
}

#[test]
fn a_kubeconfig_that_can_not_be_read_is_refused_at_start() -> Result<()> {
    let shop = Shop::new("refused")?;
    let kubeconfig = shop.kubeconfig_of("admin")?;
    for (args, expected) in [
        (vec!["--kubeconfig", "/nowhere/config"], "--kubeconfig"),
        (
            vec!["--kubeconfig", &kubeconfig, "--context", "prod"],
            "--context: `prod`",
        ),
    ] {
        let output = std::process::Command::new(support::pidali()?)
            .args([
                "serve",
                "--prometheus",
                "http://127.0.0.1:1",
                "--listen",
                "127.0.0.1:0",
            ])
            .args(&args)
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains(expected),
            "{said}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_mesh_on_a_real_api_obeys_what_is_written_there() -> Result<()> {
    let server = ApiServer::start()?;
    let kubeconfig = server.kubeconfig().display().to_string();
    let pidali = Pidali::start(&[
        "demo",
        "--expose",
        "127.0.0.1:0",
        "--kubeconfig",
        &kubeconfig,
    ])?;
    let all_to_v2 = json!([
        {"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 0},
        {"op": "replace", "path": "/spec/http/0/route/1/weight", "value": 100},
    ]);
    server.kubectl(&[
        "patch",
        "virtualservice",
        "backend-routing",
        "--type=json",
        "-p",
        &all_to_v2.to_string(),
    ])?;
    // The world has it as soon as the watch does: within seconds, or later where a build takes the processors.
    let patience = Instant::now() + Duration::from_secs(90);
    loop {
        let begun = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let at = mesh::units::UnixMillis(i64::try_from(begun.as_millis())? + 10_000);
        tokio::time::sleep(Duration::from_secs(11)).await;
        let truth = pidali
            .truth(&format!(
                "at={}&window=10s",
                mesh::api::query::to_rfc3339(at)
            ))
            .await?;
        let calls = |to: &str| -> f64 {
            let edges = truth["edges"].as_array().into_iter().flatten();
            let way = format!("/default/frontend->Kubernetes/default/{to}:");
            let of = edges.filter(|it| it["id"].as_str().is_some_and(|id| id.contains(&way)));
            of.map(|it| it["requests"].as_f64().unwrap_or(0.0)).sum()
        };
        if calls("backend-v2") > 50.0 && calls("backend-v1") == 0.0 {
            break;
        }
        assert!(Instant::now() < patience, "{}", truth["edges"]);
    }
    // Its pods' readiness is told there.
    wait_until(
        "a pod that is not ready is told",
        Duration::from_secs(60),
        || {
            let unready = server.kubectl(&[
                "-n",
                "inventory",
                "get",
                "deployment",
                "stock-v2",
                "-o",
                "jsonpath={.status.unavailableReplicas}",
            ]);
            unready.is_ok_and(|it| it == "1")
        },
    )?;
    wait_until("the pods are told", Duration::from_secs(60), || {
        let ready = server.kubectl(&[
            "get",
            "deployment",
            "backend-v2",
            "-o",
            "jsonpath={.status.readyReplicas}",
        ]);
        ready.is_ok_and(|it| it == "2")
    })
}

#[test]
fn a_cluster_with_nodes_is_not_filled_with_the_built_in_mesh() -> Result<()> {
    let server = ApiServer::start()?;
    server.apply("---\n{apiVersion: v1, kind: Node, metadata: {name: worker}}")?;
    let output = std::process::Command::new(support::pidali()?)
        .args(["demo", "--listen", "127.0.0.1:0", "--kubeconfig"])
        .arg(server.kubeconfig())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("this cluster has nodes"),
        "{said}"
    );
    let made = server.kubectl(&["get", "deployments", "-A", "-o", "name"])?;
    assert_eq!(made, "");
    Ok(())
}
