//! Rules of the graph, told in a small language of meshes ([`language`]).

use expect_test::Expect;

use super::*;
use crate::api::query::By;
use crate::api::{Edge, Node};

mod language;
mod laws;
mod picture;
mod r10;
mod r2;
mod r3;
mod r4;
mod r5;
mod r6;
mod r7;
mod r7_ambient;
mod r7_cluster;
mod r8;
mod r9;
mod series;
mod whole;

use language::facts;
use picture::picture;

fn ask(facts: &Facts, change: impl FnOnce(&mut GraphQuery)) -> api::Graph {
    let mut query = GraphQuery::default();
    change(&mut query);
    answer(facts, &query, UnixMillis(0), UnixMillis(0), Vec::new())
}

fn draw(facts: &Facts, by: By) -> api::Graph {
    ask(facts, |query| query.by = by)
}

/// The graph of the workloads that `text` tells of.
fn graph(text: &str) -> api::Graph {
    draw(&facts(text), By::Workload)
}

fn golden(text: &str, expected: Expect) {
    expected.assert_eq(&picture(&graph(text)));
}

#[track_caller]
fn edge<'a>(graph: &'a api::Graph, id: &str) -> &'a Edge {
    let found = graph.edges.iter().find(|it| it.id == id);
    found.unwrap_or_else(|| panic!("no edge {id} in\n{}", picture(graph)))
}

#[track_caller]
fn node<'a>(graph: &'a api::Graph, id: &str) -> &'a Node {
    let found = graph.nodes.iter().find(|it| it.id == id);
    found.unwrap_or_else(|| panic!("no node {id} in\n{}", picture(graph)))
}

fn ids(graph: &api::Graph) -> Vec<&str> {
    graph.edges.iter().map(|it| it.id.as_str()).collect()
}

fn names(graph: &api::Graph) -> Vec<&str> {
    graph.nodes.iter().map(|n| n.name.as_str()).collect()
}
