//! Everything that speaks the Bot Framework: what Teams tells us, what its answers mean, how it is called.
//!
//! [`endpoints`] says where Teams is and which hosts may see our token.

pub mod cloud;
pub mod endpoints;
