//! What a person sees: the page, rendered in the browser.

mod numbers;
mod url;

mod fetch;
mod ui;

mod live;

mod shell;

mod inventory;

mod graph;
mod overview;
mod routes;
mod service;
mod sources;
mod workload;

fn main() {
    leptos::mount::mount_to_body(shell::App);
}
