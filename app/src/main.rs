//! What a person sees: the page, rendered in the browser.

mod numbers;
mod url;

mod fetch;
mod ui;

mod live;

mod shell;

mod graph;
mod routes;
mod sources;

fn main() {
    leptos::mount::mount_to_body(shell::App);
}
