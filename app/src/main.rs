//! What a person sees: the page, rendered in the browser.

mod numbers;
mod url;

mod fetch;
mod ui;

mod live;

mod shell;

mod inventory;

mod breakers;
mod config;
mod control_plane;
mod graph;
mod links;
mod overview;
mod preflight;
mod queries;
mod reports;
mod routes;
mod service;
mod sidecars;
mod sources;
mod trace;
mod workload;

fn main() {
    leptos::mount::mount_to_body(shell::App);
}
