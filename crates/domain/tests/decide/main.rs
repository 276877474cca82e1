//! What commands come to: tables of cases, one event of each type word for word, and random histories.

mod build;
mod directories;
mod events;
mod groups;
mod history;
mod model;
mod nested;
mod replica;
mod users;
