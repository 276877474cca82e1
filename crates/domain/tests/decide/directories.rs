//! What the owner does with a directory.

use rollcall_domain::{Command, Refusal, Reply, directory::DirectoryState};
use serde_json::json;

use crate::{build::create_user, model::Model};

#[test]
fn a_directory_tells_each_change_once() {
    let mut model = Model::new();
    model.user(&create_user(json!({"userName": "ada"})));
    let none: [&str; 0] = [];
    assert_eq!(model.events_of(&Command::ActivateDirectory), none);
    assert_eq!(model.events_of(&Command::DeactivateDirectory), ["directory.deactivated 1"]);
    assert_eq!(model.events_of(&Command::DeactivateDirectory), none);
    let Reply::Directory(directory) = model.run(&Command::ActivateDirectory).unwrap().reply else { panic!() };
    assert_eq!(directory.state, DirectoryState::Active);
    assert_eq!(model.last()["type"], "directory.activated");
    // Whatever is in it, one event.
    assert_eq!(model.events_of(&Command::DeleteDirectory), ["directory.deleted 3"]);
    for command in [Command::DeleteDirectory, Command::ActivateDirectory, Command::DeactivateDirectory] {
        assert_eq!(
            model.run(&command).unwrap_err(),
            Refusal::NotFound(model.directory.id.as_str().to_owned())
        );
    }
}
