//! What is kept of objects from before structural changes (rule W6).

use super::edits::{VS, place};
use super::*;

/// The copies, oldest first.
fn copies(world: &World) -> Vec<Value> {
    let keys = world.cluster.keys().into_iter();
    let keys = keys.filter(|it| it.kind == "ControllerRevision");
    let mut copies: Vec<Value> = keys.map(|it| world.cluster.get(&it).unwrap()).collect();
    copies.sort_by_key(|it| {
        let version = mesh::object::resource_version(it);
        version.parse::<u64>().unwrap()
    });
    copies
}

async fn put(world: &World, n: usize) -> Value {
    let backend = key("backend-routing");
    let edit = json!({
        "kind": "put_rule", "object": place(VS), "resource_version": world.version(&backend), "rule": "http/0",
        "new": n == 0,
        "spec": {
            "matches": [{"headers": {"x-testing": {"exact": format!("{n}")}}}],
            "destinations": [{"host": "backend", "subset": "v2"}],
        },
    });
    let (status, json) = world.change(edit).await;
    assert_eq!(status, 200, "{json}");
    json
}

#[tokio::test]
async fn w6_a_copy_says_that_its_change_came_to_be() {
    let world = world();
    let json = put(&world, 0).await;
    let version = json["results"][0]["resource_version"].as_str().unwrap();
    let [copy] = copies(&world).try_into().unwrap();
    let state = &copy["metadata"]["annotations"]["pidali.dev/state"];
    assert_eq!(state, &json!(format!("applied@{version}")));
}

#[tokio::test]
async fn w6_a_copy_of_a_change_that_failed_stays_pending() {
    let world = world();
    // The copy is written, the object is not.
    let left = &world.cluster.writes_left;
    left.store(0, std::sync::atomic::Ordering::SeqCst);
    let backend = key("backend-routing");
    let before = world.cluster.get(&backend).unwrap();
    let edit = json!({
        "kind": "put_rule", "object": place(VS), "resource_version": world.version(&backend), "rule": "http/0",
        "new": true,
        "spec": {
            "matches": [{"headers": {"x-testing": {"exact": "true"}}}],
            "destinations": [{"host": "backend", "subset": "v2"}],
        },
    });
    let (status, json) = world.change(edit).await;
    assert_ne!(status, 200, "{json}");
    assert_eq!(world.cluster.get(&backend).unwrap(), before);
    let [copy] = copies(&world).try_into().unwrap();
    assert_eq!(
        copy["metadata"]["annotations"]["pidali.dev/state"],
        "pending"
    );
}

#[tokio::test]
async fn w6_a_copy_goes_when_the_journal_forgets_its_change() {
    let world = world();
    let mut changes = Vec::new();
    for n in 0..23 {
        let json = put(&world, n).await;
        changes.push(json["change"].as_str().unwrap().to_owned());
    }
    let live = world.cluster.get(&key("backend-routing")).unwrap();
    let remembered: Vec<String> = {
        let journal = mesh::changes::journal::Journal::of(&live);
        journal.changes.into_iter().map(|it| it.change).collect()
    };
    assert_eq!(remembered, changes[changes.len() - remembered.len()..]);
    assert!(remembered.len() <= 20);
    let kept: Vec<Value> = copies(&world);
    let kept: Vec<&str> = kept
        .iter()
        .map(|it| {
            it["metadata"]["labels"]["pidali.dev/change"]
                .as_str()
                .unwrap()
        })
        .collect();
    assert_eq!(kept, remembered);
    // What is remembered can be taken back.
    let body = json!({"change": remembered[remembered.len() - 1], "resource_version": world.version(&key("backend-routing"))});
    let (status, json) = world
        .ask("POST", &format!("objects/{VS}/undo"), Some(body))
        .await;
    assert_eq!(status, 200, "{json}");
}
