//! Parts that know no feature.

pub mod icon;

pub mod choice;
pub mod popover;
pub mod segmented;

pub mod command;
pub mod drawer;
pub mod pastes;
pub mod snippet;

pub mod chart;
pub mod measured;
pub mod state;

pub use choice::Choice;
pub use command::Command;
pub use drawer::Drawer;
pub use icon::{HealthMark, Icon, Symbol};
pub use popover::Popover;
pub use segmented::Segmented;
pub use snippet::Snippet;
