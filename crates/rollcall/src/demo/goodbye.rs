//! What to try next: addresses, keys, and commands that can be pasted.

use super::paint::{Look, Paint, cut};

/// What the commands are made of.
#[derive(Debug)]
pub(crate) struct Next<'a> {
    /// The public listener's URL.
    pub(crate) public_url: &'a str,
    /// The private listener's address.
    pub(crate) private: std::net::SocketAddr,
    /// The owner's key.
    pub(crate) key: &'a str,
    /// Where the key is kept, unless it came from the environment.
    pub(crate) key_file: Option<String>,
    /// A directory's SCIM base URL.
    pub(crate) scim_base_url: &'a str,
    /// That directory's token.
    pub(crate) token: &'a str,
    /// A user of that directory.
    pub(crate) user: &'a str,
    /// The user's name.
    pub(crate) user_name: &'a str,
}

/// The lines. Commands begin in the first column and go on after a backslash, so that they can be
/// copied as they stand; no line of them has more than 80 columns.
pub(crate) fn lines(paint: Paint, next: &Next<'_>) -> Vec<String> {
    let Next { public_url, private, key, scim_base_url, token, user, user_name, .. } = next;
    let note = |text: &str| paint.on(Look::Dim, text);
    let kept = cut(next.key_file.as_deref().unwrap_or("the owner's"), 23);
    vec![
        format!("  /v1   {public_url}/v1    health and metrics  http://{private}"),
        format!("  key   {key}  {}", note(&kept)),
        format!("  token {token}  {}", note("Entra ID's, for SCIM")),
        String::new(),
        note(&format!("# change {user_name} as the provider would, and watch the webhook arrive here:")),
        "curl -X PATCH -H 'Content-Type: application/scim+json' \\".to_owned(),
        format!("-H 'Authorization: Bearer {token}' \\"),
        "-d '{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],".to_owned(),
        "\"Operations\":[{\"op\":\"Replace\",\"path\":\"title\",\"value\":\"Captain\"}]}' \\".to_owned(),
        format!("{scim_base_url}\\"),
        format!("/Users/{user}"),
        note(&format!("# everything that happened to {user_name}:")),
        "curl -s \\".to_owned(),
        format!("-H 'Authorization: Bearer {key}' \\"),
        format!("'{public_url}/v1/events?subject_id='\\"),
        format!("{user} | python3 -m json.tool | head -n 60"),
    ]
}

/// What is said after Ctrl-C: what is kept where. It begins a line of its own, after the
/// terminal's `^C`.
pub(crate) fn last_line(data: &str) -> String {
    format!("\nstopped; kept in {data}: run the demo again, or delete it")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::demo::paint::WIDTH;

    /// A shell reads the pasted lines; `curl` is a function here that prints what it was given, and
    /// `python3` one that lets it through.
    #[test]
    fn the_commands_are_what_a_shell_makes_of_them() {
        let lines = lines(
            Paint::PLAIN,
            &Next {
                public_url: "http://127.0.0.1:48080",
                private: "127.0.0.1:49090".parse().unwrap(),
                key: "rck_0123456789012345678901234567890123456789012",
                key_file: Some("rollcall-demo/owner.key".to_owned()),
                scim_base_url: "http://127.0.0.1:48080/scim/v2/dir_0199c0ffee0070008000000000000001",
                token: "rcd_0123456789012345678901234567890123456789012",
                user: "usr_0199c0ffee0070008000000000009f3a",
                user_name: "Ada Okafor",
            },
        );
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:#?}");
        assert!(lines.len() <= 16, "with the summary it must fit 24 rows");
        let from = lines.iter().position(|line| line.starts_with('#')).unwrap();
        let script = format!(
            "curl() {{ printf '%s\\n' \"$@\" --; }}\npython3() {{ cat; }}\n{}\n",
            lines[from..].join("\n")
        );
        let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
        assert!(output.status.success());
        insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @r#"
        -X
        PATCH
        -H
        Content-Type: application/scim+json
        -H
        Authorization: Bearer rcd_0123456789012345678901234567890123456789012
        -d
        {"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations":[{"op":"Replace","path":"title","value":"Captain"}]}
        http://127.0.0.1:48080/scim/v2/dir_0199c0ffee0070008000000000000001/Users/usr_0199c0ffee0070008000000000009f3a
        --
        -s
        -H
        Authorization: Bearer rck_0123456789012345678901234567890123456789012
        http://127.0.0.1:48080/v1/events?subject_id=usr_0199c0ffee0070008000000000009f3a
        --
        "#);
    }
}
