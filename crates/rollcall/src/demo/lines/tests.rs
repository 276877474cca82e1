use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::demo::paint::WIDTH;

const USER: &str = "usr_0199c0ffee0070008000000000009f3a";
const GROUP: &str = "grp_0199c0ffee007000800000000000beef";

fn sent(
    method: &'static str,
    path: &str,
    request: Option<Value>,
    status: u16,
    answer: Option<Value>,
) -> Exchange {
    Exchange {
        persona: "Entra ID",
        what: "does something to Ada Okafor".to_owned(),
        method,
        path: path.to_owned(),
        request,
        status,
        answer,
        duration: Duration::from_micros(1_834),
    }
}

fn patch(operations: Value) -> Option<Value> {
    Some(json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}))
}

fn assert_fits(lines: &[String]) {
    for line in lines.iter().flat_map(|l| l.split('\n')) {
        assert!(line.chars().count() <= WIDTH, "{line}");
    }
}

#[test]
fn requests_read_in_80_columns() {
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let user = format!("/Users/{USER}");
    let group = format!("/Groups/{GROUP}");
    let list = |n: u64| Some(json!({"totalResults": n}));
    let exchanges = [
        sent(
            "GET",
            "/Users?filter=userName%20eq%20%22b3f0a5a2-6a5e-4a2e-9d3f-3f1c1c1e7a10%22",
            None,
            200,
            list(0),
        ),
        sent(
            "GET",
            "/Groups?excludedAttributes=members&filter=displayName%20eq%20%22Engineering%22",
            None,
            200,
            list(1),
        ),
        sent("POST", "/Users", Some(json!({"userName": "ada.okafor@acme.example"})), 201, None),
        sent("POST", "/Groups", Some(json!({"displayName": "Sales", "members": []})), 201, None),
        sent(
            "PATCH",
            &user,
            patch(json!([{"op": "Replace", "path": "active", "value": "False"}])),
            200,
            None,
        ),
        sent(
            "PATCH",
            &user,
            patch(json!([{"op": "Add", "path": format!("{enterprise}:manager"), "value": USER}])),
            200,
            None,
        ),
        sent("PATCH", &user, patch(json!([{"op": "replace", "value": {"active": false}}])), 200, None),
        sent(
            "PATCH",
            &group,
            patch(json!([{"op": "Add", "path": "members", "value": [{"value": USER}, {"value": USER}]}])),
            204,
            None,
        ),
        sent(
            "PATCH",
            &group,
            patch(json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": USER}]}])),
            204,
            None,
        ),
        sent(
            "PATCH",
            &group,
            patch(
                json!([{"op": "replace", "value": {"id": GROUP, "displayName": "Sales"}}, {"op": "remove", "path": format!("members[value eq \"{USER}\"]")}]),
            ),
            204,
            None,
        ),
        sent("PUT", &user, Some(json!({"userName": "a@b.example"})), 200, None),
        sent("DELETE", &user, None, 204, None),
        sent("DELETE", &user, None, 503, None),
    ];
    let lines: Vec<String> = exchanges.iter().flat_map(|e| exchange(Paint::PLAIN, e)).collect();
    assert_fits(&lines);
    assert_snapshot!(lines.join("\n"), @r#"
    → GET /Users?filter=userName eq "b3f0a5a2-6a5e-4a2e-9d3f-3f1c1c1e7a10"  200 none
    → GET /Groups?excludedAttributes=members&filter=displayName eq "Engi…  200 found
    → POST /Users  ada.okafor@acme.example                              201   1.8 ms
    → POST /Groups  "Sales", no members yet                             201   1.8 ms
    → PATCH /Users/usr_…9f3a  Replace active "False"                    200   1.8 ms
    → PATCH /Users/usr_…9f3a  Add manager "usr_…9f3a"                   200   1.8 ms
    → PATCH /Users/usr_…9f3a  replace active false                      200   1.8 ms
    → PATCH /Groups/grp_…beef  Add members [2 people]                   204   1.8 ms
    → PATCH /Groups/grp_…beef  Remove members usr_…9f3a                 204   1.8 ms
    → PATCH /Groups/grp_…beef                                           204   1.8 ms
        replace displayName "Sales"
        remove members[value eq "usr_…9f3a"]
    → PUT /Users/usr_…9f3a  the whole profile                           200   1.8 ms
    → DELETE /Users/usr_…9f3a                                           204   1.8 ms
    → DELETE /Users/usr_…9f3a                                           503   1.8 ms
    "#);
    assert_eq!(heading(Paint::PLAIN, &exchanges[2]), "\nEntra ID: does something to Ada Okafor");
}

#[test]
fn events_and_webhooks_read_in_80_columns() {
    let user = json!({"type": "user", "id": USER, "version": 2});
    let events = [
        json!({"type": "user.created", "sequence": 1, "subject": user, "data": {"display_name": "Ada Okafor"}}),
        json!({"type": "user.updated", "sequence": 12, "subject": user, "data": {"display_name": "Ada Okafor"},
            "changes": [{"path": "title", "from": "Engineer", "to": "Head of Engineering"}]}),
        json!({"type": "user.updated", "sequence": 13, "subject": user, "data": {"user_name": "ada.okafor@acme.example"},
            "changes": [{"path": "manager", "to": {"id": USER}}, {"path": "nick_name", "from": "A"}, {"path": "emails", "from": [], "to": [1]}]}),
        json!({"type": "user.deactivated", "sequence": 17, "subject": user, "data": {"display_name": "Ada Okafor"},
            "changes": [{"path": "active", "from": true, "to": false}]}),
        json!({"type": "group.member_removed", "sequence": 1842, "subject": user,
            "data": {"user": {"user_name": "ada.okafor@acme.example"}, "group": {"display_name": "Engineering"}}}),
        json!({"type": "group.updated", "sequence": 19, "subject": {"id": GROUP}, "data": {"display_name": "Revenue"},
            "changes": [{"path": "display_name", "from": "Sales", "to": "Revenue"}]}),
    ];
    let mut lines: Vec<String> = events.iter().flat_map(|e| event(Paint::PLAIN, e, None)).collect();
    lines.extend(event(Paint::PLAIN, &events[4], Some("Ada Okafor")));
    lines.push(webhook(Paint::PLAIN, Place::InOrder, Some(Duration::from_micros(1_840))));
    lines.push(webhook(Paint::PLAIN, Place::Repeated, None));
    lines.push(webhook(Paint::PLAIN, Place::OutOfOrder, Some(Duration::from_millis(1_840))));
    lines.push(no_event(Paint::PLAIN));
    lines.push(wrong(Paint::PLAIN, "no webhook came within 15 s"));
    assert_fits(&lines);
    assert_snapshot!(lines.join("\n"), @r"
    event    user.created          #1 Ada Okafor
    event    user.updated          #12 Ada Okafor
               title Engineer → Head of Engineering
    event    user.updated          #13 ada.okafor@acme.example
               manager set, nick_name removed, emails changed
    event    user.deactivated      #17 Ada Okafor: active true → false
    event    group.member_removed  #1842 ada.okafor@acme.example leaves Engineeri…
    event    group.updated         #19 Revenue: display_name Sales → Revenue
    event    group.member_removed  #1842 Ada Okafor leaves Engineering
    ✓ webhook, signature verified, in order               1.8 ms after the request
    ✓ webhook, signature verified, a repetition
    ✗ webhook, signature verified, OUT OF ORDER          1840 ms after the request
    no event: nothing changed
    ✗ no webhook came within 15 s
    ");
}

#[test]
fn the_header_fits() {
    let lines = header(Paint::PLAIN, &"long/".repeat(40));
    assert_fits(&lines);
    assert!(lines.len() < 14);
}

#[test]
fn a_taken_port_is_said() {
    let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let lines = addresses(Paint::PLAIN, [at(8080), at(0)], [at(40_001), at(40_002)]);
    assert_fits(&lines);
    assert_snapshot!(lines.join("\n"), @r"

      SCIM and /v1 at http://127.0.0.1:40001, metrics at http://127.0.0.1:40002
      127.0.0.1:8080 is in use by another program: 127.0.0.1:40001 is taken instead
    ");
}
