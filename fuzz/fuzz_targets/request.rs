//! A whole request as far as it can be read without a server: the first line is the query string, decoded; what follows
//! is the body, taken for each message that it could be.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollcall_fuzz::{BASE, check_user};
use rollcall_scim::{
    AllQuery, Applied, BulkPlan, BulkRequest, BulkStep, Limits, ListQuery, Projection, QueryTerms,
    ResourceKind, Rules, Signs, group_input, json, recognise, user_input,
};

const BODY: Limits = Limits { max_depth: 64, max_bytes: 1024 * 1024 };
const OPERATIONS: usize = 100;

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (head, body) = bytes.split_at(end);
    let query = String::from_utf8_lossy(head);
    let body = json::parse_object(body.get(1..).unwrap_or_default(), &BODY).ok();
    let _ = recognise(&Signs { user_agent: Some(&query), query: Some(&query), body: body.as_ref() });
    let pairs = || {
        query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
    };
    for rules in [Rules::default(), Rules::strict()] {
        let applied = &mut Applied::default();
        let terms = QueryTerms { rules: &rules, max_results: 100, base_url: Some(BASE) };
        let _ = AllQuery::parse_noting(pairs(), &terms, applied);
        for kind in ResourceKind::ALL {
            if let Ok(list) = ListQuery::parse_noting(pairs(), kind, &terms, applied) {
                assert!(list.start_index >= 1 && list.count.is_none_or(|count| count <= 100));
            }
            let _ = Projection::parse(Some(&query), None, kind);
        }
        let Some(body) = &body else { continue };
        if let Ok((input, _)) = user_input(body.clone(), &rules) {
            check_user(&input.document);
        }
        if let Ok((input, _)) = group_input(body.clone(), &rules) {
            assert_eq!(input.document.get("members"), None);
        }
        let _ = ListQuery::from_search_request(body, ResourceKind::User, &terms, applied);
        let _ = AllQuery::from_search_request(body, &terms, applied);
        if let Ok(bulk) = BulkRequest::parse(body.clone(), &rules, OPERATIONS, applied) {
            carry_out(bulk);
        }
    }
});

/// Every plan ends, takes each operation once and completes each shell.
fn carry_out(bulk: BulkRequest) {
    let mut taken = vec![0; bulk.operations.len()];
    let mut plan = BulkPlan::new(bulk.operations);
    let (mut shells, mut links) = (0, 0);
    while let Some(step) = plan.next_step() {
        let (index, created) = match step {
            BulkStep::Run { index, change } => {
                taken[index] += 1;
                let text = serde_json::to_string(&change.data).expect("it is JSON");
                // Every third operation fails.
                (index, (index % 3 != 2 && change.target.is_none()).then(|| format!("id{}", text.len() % 7)))
            }
            BulkStep::Shell { index, .. } => {
                taken[index] += 1;
                shells += 1;
                (index, Some("shell".to_owned()))
            }
            BulkStep::Link { index, .. } => {
                links += 1;
                (index, None)
            }
            BulkStep::Fail { index, .. } => {
                taken[index] += 1;
                (index, None)
            }
        };
        plan.settle(index, created.as_deref());
    }
    assert!(taken.iter().all(|times| *times == 1), "{taken:?}");
    assert_eq!((shells, plan.shells().len()), (links, 0));
}
