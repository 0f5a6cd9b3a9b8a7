//! Services: the list, and one with all that is known of it.

mod list;
mod page;

pub use list::ServicesPage;
pub use page::ServicePage;
