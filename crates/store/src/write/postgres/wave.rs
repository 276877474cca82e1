//! Which of the commands that follow each other can be loaded together and decided one after the other
//! before anything of them is written: a wave.
//!
//! A command ends the wave before it if it needs a row that an earlier one may write. Two things are
//! carried on in memory and end nothing: a group's own row, which every change of its members
//! touches, and the userNames that are taken.

use std::collections::HashSet;

use rollcall_domain::{Command, MemberNeeds, Needs};

/// Whether a command needs more than what waves load: how much, its size does not say.
pub(super) fn is_large(needs: &Needs) -> bool {
    needs.members == MemberNeeds::All || needs.groups_of_user || needs.groups_of_group || needs.told.is_some()
}

/// How many of these commands, from the first one on, make a wave: at least 1, if there are any. A
/// large command is a wave of its own.
pub(super) fn length<'a>(commands: impl IntoIterator<Item = (&'a Command, &'a Needs)>) -> usize {
    let mut written: HashSet<&str> = HashSet::new();
    let mut length = 0;
    for (command, needs) in commands {
        if is_large(needs) {
            return length.max(1);
        }
        let user = needs.user.as_ref().map(|id| id.as_str());
        let values: &[String] = match &needs.members {
            MemberNeeds::Values(values) => values,
            MemberNeeds::None | MemberNeeds::All => &[],
        };
        let named = || values.iter().chain(&needs.referents).map(String::as_str);
        if user.into_iter().chain(named()).any(|id| written.contains(id)) {
            break;
        }
        match command {
            // Who joins or leaves is touched, and the row of that value is written.
            Command::CreateGroup { .. } | Command::ReplaceGroup { .. } | Command::PatchGroup { .. } => {
                written.extend(named());
                // It may be somebody's member: who loads it as such would not see what is carried.
                written.extend(needs.group.as_ref().map(|id| id.as_str()));
            }
            _ => written.extend(user),
        }
        length += 1;
    }
    length
}
