//! The workspace's own names for people, channels and group chats.

pub mod file;
