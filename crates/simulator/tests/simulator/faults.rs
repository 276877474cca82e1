//! A check that cannot fail proves nothing: each fault of a server must be found, by its check, and
//! a server without one must score in full.

use rollcall_simulator::{Check, People, Plan, Provider, Report, Simulation, Target};

use crate::scim::{Fault, Scim, TOKEN};

/// The persona that needs no PATCH, which the server does not have.
async fn simulate(provider: Provider, fault: Fault, users: usize, groups: usize) -> Report {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (server, scim) = Scim::start(fault).await;
    let plan = Plan::new(People::new(3, "acme.example"), users, groups, 20);
    let target = Target { base_url: server.base_url(), token: TOKEN.to_owned() };
    let simulation = Simulation { provider, target, plan, concurrency: 4, clean_up: true };
    let report = simulation.run(&mut ()).await.unwrap();
    if fault == Fault::None {
        assert_eq!(scim.counts(), (0, 0), "something was left behind");
    }
    report
}

fn broken(report: &Report) -> Vec<Check> {
    report.results.iter().filter(|result| result.failed > 0).map(|result| result.check).collect()
}

#[tokio::test]
async fn a_server_without_fault_scores_in_full() {
    for (provider, users, groups) in
        [(Provider::OktaCustom, 30, 5), (Provider::Google, 30, 5), (Provider::OktaCustom, 1, 0)]
    {
        let report = simulate(provider, Fault::None, users, groups).await;
        assert_eq!(broken(&report), [], "{:#}", report.to_json());
        assert!(report.is_conformant(), "{:#}", report.to_json());
        assert_eq!(report.found, 0);
    }
}

#[tokio::test]
async fn one_change_at_a_time_gives_the_same_requests_in_the_same_order() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (server, scim) = Scim::start(Fault::None).await;
        let plan = Plan::new(People::new(3, "acme.example"), 12, 3, 30);
        let target = Target { base_url: server.base_url(), token: TOKEN.to_owned() };
        let simulation =
            Simulation { provider: Provider::Okta, target, plan, concurrency: 1, clean_up: false };
        simulation.run(&mut ()).await.unwrap();
        let seen = scim.seen().into_iter();
        runs.push(
            seen.map(|one| (one.method, one.target, one.body.map(|b| b.to_string()))).collect::<Vec<_>>(),
        );
    }
    assert!(runs[0].len() > 100, "{}", runs[0].len());
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn each_fault_is_found_by_its_check() {
    let table = [
        (Fault::AnyTokenOpens, Check::Authentication),
        (Fault::HtmlErrors, Check::MediaType),
        (Fault::HtmlErrors, Check::ErrorMessage),
        (Fault::NumericErrorStatus, Check::ErrorMessage),
        (Fault::NoLocation, Check::Create),
        (Fault::NoLocation, Check::GroupCreate),
        (Fault::NumericIds, Check::Create),
        (Fault::TwinsAllowed, Check::Uniqueness),
        (Fault::FilterIsCaseSensitive, Check::UserNameCase),
        (Fault::UnknownFilterFindsAll, Check::FilterFinds),
        (Fault::UnknownFilterFindsAll, Check::EmptyList),
        (Fault::TotalsOfThePage, Check::Pagination),
        (Fault::EverythingMoves, Check::UnchangedStaysUnchanged),
        (Fault::PasswordReturned, Check::PasswordNeverReturned),
        (Fault::TitleLost, Check::StoredAsSent),
        (Fault::NamesTrimmed, Check::StoredAsSent),
        (Fault::NamesTrimmed, Check::UpdatedAsSent),
        (Fault::ActiveAsText, Check::Put),
        (Fault::InactiveHidden, Check::Deactivate),
        (Fault::ManagerAsText, Check::Manager),
        (Fault::PutCreates, Check::PutDoesNotCreate),
        (Fault::MemberLost, Check::Members),
        (Fault::UserGroupsMissing, Check::UserGroups),
        (Fault::MembersNotExcluded, Check::ExcludedAttributes),
        (Fault::DeletedStays, Check::Deleted),
        (Fault::NoDiscovery, Check::ServiceProviderConfig),
        (Fault::NoDiscovery, Check::ResourceTypes),
        (Fault::NoDiscovery, Check::Schemas),
    ];
    for (fault, check) in table {
        let report = simulate(Provider::OktaCustom, fault, 30, 5).await;
        let result = report.results.iter().find(|result| result.check == check);
        let Some(result) = result.filter(|result| result.failed > 0) else {
            panic!("{fault:?} was not found by {check:?}, only by {:?}", broken(&report));
        };
        assert!(!result.failures.is_empty() && !result.failures[0].why.is_empty(), "{fault:?}");
        assert_eq!(report.is_conformant(), broken(&report).iter().all(|c| !c.is_required()), "{fault:?}");
    }
}
