//! Any bytes as the body of a PATCH: refused, or what comes of it is a right resource. Nobody is let in who was not,
//! unless the body says so.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollcall_fuzz::{check_user, group, user};
use rollcall_scim::{Limits, ResourceKind, Rules, apply_group, apply_user, json, patch_request};

fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = json::parse_object(bytes, &Limits::default()) else { return };
    for rules in [Rules::default(), Rules::strict()] {
        if let Ok((request, _)) = patch_request(ResourceKind::User, body.clone(), &rules)
            && let Ok(document) = apply_user(&user(), &request)
        {
            check_user(&document);
            let said = String::from_utf8_lossy(bytes).to_ascii_lowercase();
            // A name may be written with escapes.
            assert!(!document.active() || said.contains("active") || said.contains("\\u"), "{said}");
        }
        if let Ok((request, _)) = patch_request(ResourceKind::Group, body.clone(), &rules)
            && let Ok(patch) = apply_group(&group(), &request)
        {
            assert_eq!(patch.document.get("members"), None);
        }
    }
});
