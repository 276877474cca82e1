//! Any text as a filter: it is refused, or it evaluates, prints, and reads as itself again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rollcall_fuzz::{BASE, group, user};
use rollcall_scim::{Applied, ListQuery, QueryTerms, ResourceKind, Rules, equality_hints, parse_filter};

fuzz_target!(|text: &str| {
    for kind in ResourceKind::ALL {
        let resource = if kind == ResourceKind::User { user() } else { group() }.into_map();
        if let Ok(filter) = parse_filter(text, kind, &Rules::default()) {
            let held = filter.matches(&resource);
            let printed = filter.to_string();
            let again = parse_filter(&printed, kind, &Rules::strict()).expect("what is printed is a filter");
            assert_eq!(again, filter, "{printed}");
            assert_eq!(again.matches(&resource), held);
            let _ = equality_hints(&filter);
        }
        let _ = parse_filter(text, kind, &Rules::strict());
        let terms = QueryTerms { rules: &Rules::default(), max_results: 100, base_url: Some(BASE) };
        let pairs = [("filter".to_owned(), text.to_owned())];
        if let Ok(query) = ListQuery::parse_noting(pairs, kind, &terms, &mut Applied::default())
            && let Some(filter) = query.filter
        {
            let _ = filter.matches(&resource);
        }
    }
});
