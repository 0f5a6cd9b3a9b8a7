//! Rebuilds the server when the page it carries has changed.

fn main() {
    println!("cargo:rerun-if-changed=../dist");
}
