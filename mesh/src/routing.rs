//! What a mesh is told to do with its traffic. Pure: routing objects in, views, decisions and proportions
//! out, and back.
//!
//! Objects stay whole JSON. Each kind has one file that knows its fields and makes a view of them; the
//! views know nothing of JSON. What would be lost by a round trip through a struct never makes one.

pub mod rule;
pub mod weights;

pub mod destination_rule;
pub mod gateway;
pub mod http_route;
pub mod service_entry;
pub mod virtual_service;

pub mod reach;
pub mod resolve;

pub mod hosts;
pub mod pattern;
mod view;

mod lens;

pub(crate) use lens::go_duration;
pub use lens::{ObjectRef, Unreadable};
pub use reach::{ineffective, unreachable};
pub use resolve::{Request, Route, Routing, RuleRef, Share, Target, Verdict};
pub use rule::{
    Abort, Action, Condition, Delay, Destination, Match, Rule, RuleList, RulePlace, Status,
};
pub use view::{RouteView, absent_weight, destination_pointer};
pub use virtual_service::VirtualService;
