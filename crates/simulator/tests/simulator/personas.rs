//! What each persona sends for the same small script, to the letter.

use rollcall_simulator::{Address, Attribute, People, Persona, Provider, Step, Target};

use crate::{
    http::Request,
    scim::{Fault, Scim, TOKEN, decode},
};

fn script() -> Vec<Step> {
    vec![
        Step::Probe,
        Step::Hire(0),
        Step::Hire(1),
        Step::Change(0, Attribute::Title("Counsel".to_owned())),
        Step::Change(0, Attribute::FamilyName("Abernathy".to_owned())),
        Step::Change(0, Attribute::UserName("ada@acme.example".to_owned())),
        Step::Change(0, Attribute::Address(office())),
        Step::Manage(1, 0),
        Step::Unmanage(1),
        Step::MakeGroup(0, "Sales".to_owned()),
        Step::MakeGroup(1, "Support".to_owned()),
        Step::Join(0, vec![0, 1]),
        Step::Move(1, 0, 1),
        Step::RenameGroup(0, "Revenue".to_owned()),
        Step::Empty(0),
        Step::DeleteGroup(0),
        Step::Deactivate(1),
        Step::Rehire(1),
        Step::Leave(1),
    ]
}

fn office() -> Address {
    let [street_address, locality, region, postal_code, country] =
        ["1 Harbour Lane", "Lisbon", "Centre", "10001", "PT"].map(str::to_owned);
    Address { street_address, locality, region, postal_code, country }
}

async fn play(provider: Provider, seed: u64) -> Vec<Request> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (server, scim) = Scim::start(Fault::None).await;
    let target = Target { base_url: server.base_url(), token: TOKEN.to_owned() };
    let persona = Persona::new(provider, &target, People::new(seed, "acme.example")).unwrap();
    for step in script() {
        persona.play(&step, &mut ()).await.unwrap();
    }
    scim.seen()
}

#[tokio::test]
async fn a_flag_in_the_base_url_goes_into_every_request() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (server, scim) = Scim::start(Fault::None).await;
    let base_url = format!("{}?aadOptscim062020", server.base_url());
    let target = Target { base_url, token: TOKEN.to_owned() };
    let persona = Persona::new(Provider::Entra2020, &target, People::new(1, "acme.example")).unwrap();
    for step in [Step::Hire(0), Step::Change(0, Attribute::Title("Counsel".to_owned()))] {
        persona.play(&step, &mut ()).await.unwrap();
    }
    let ends: Vec<bool> = scim.seen().iter().map(|seen| seen.target.ends_with("aadOptscim062020")).collect();
    assert_eq!(ends, [true; 3]);
    assert_eq!(scim.seen()[1].target, "/Users?aadOptscim062020");
}

#[tokio::test]
async fn authentik_makes_a_user_anew_that_somebody_else_deleted() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (server, scim) = Scim::start(Fault::None).await;
    let target = Target { base_url: server.base_url(), token: TOKEN.to_owned() };
    let persona = Persona::new(Provider::Authentik, &target, People::new(1, "acme.example")).unwrap();
    persona.play(&Step::Hire(0), &mut ()).await.unwrap();
    let first = persona.id_of(0).unwrap();
    scim.lose_users();
    persona.play(&Step::Deactivate(0), &mut ()).await.unwrap();
    assert_ne!(persona.id_of(0).unwrap(), first);
    let made = scim.seen().pop().unwrap();
    assert_eq!((made.method.as_str(), made.target.as_str()), ("POST", "/Users"));
    assert_eq!(made.body.unwrap()["active"], false);
}

/// The headers whenever they change, and each request on a line.
async fn sent(provider: Provider) -> String {
    let (mut lines, mut before) = (Vec::new(), String::new());
    for request in play(provider, 1).await {
        let headers: Vec<String> = ["user-agent", "content-type", "accept", "accept-charset"]
            .into_iter()
            .filter_map(|name| Some(format!("{name}: {}", request.header(name)?)))
            .collect();
        let headers = format!("[{}]", headers.join(", "));
        if headers != before {
            lines.push(headers.clone());
            before = headers;
        }
        let body = request.body.map(|body| body.to_string()).unwrap_or_default();
        let body = body
            .replace(r#""schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"#, "")
            .replace("urn:ietf:params:scim:schemas:", "…")
            .replace(env!("CARGO_PKG_VERSION"), "VERSION");
        lines.push(format!("{} {} {body}", request.method, decode(&request.target)).trim_end().to_owned());
    }
    lines.join("\n").replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[tokio::test]
async fn the_same_seed_sends_the_same_and_another_seed_does_not() {
    let bodies = |requests: Vec<Request>| -> Vec<_> {
        requests.into_iter().map(|r| (r.method, r.target, r.body.map(|b| b.to_string()))).collect()
    };
    for provider in Provider::ALL {
        let [one, again, other] = [play(provider, 1).await, play(provider, 1).await, play(provider, 2).await];
        let one = bodies(one);
        assert_eq!(one, bodies(again), "{provider}");
        assert_ne!(one, bodies(other), "{provider}");
    }
}

#[tokio::test]
async fn entra() {
    insta::assert_snapshot!(sent(Provider::Entra).await, @r#"
    [user-agent: Rollcall-Simulator/VERSION (Entra ID), content-type: application/scim+json; charset=utf-8, accept: application/scim+json]
    GET /Users?filter=userName eq "b3f0a5a2-6a5e-4a2e-9d3f-3f1c1c1e7a10"
    GET /Users?filter=userName eq "ada.grimaldi@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25-da5a-4317-94e2-3bc1eca8c766","userName":"ada.grimaldi@acme.example","active":true,"displayName":"Ada Grimaldi","title":"Engineer","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"meta":{"resourceType":"User"},"name":{"formatted":"Ada Grimaldi","familyName":"Grimaldi","givenName":"Ada"},"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"},"roles":[]}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef5-37f0-4702-924f-b7c90ebcd516","userName":"nadia.tanaka@acme.example","active":true,"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"meta":{"resourceType":"User"},"name":{"formatted":"Nadia Tanaka","familyName":"Tanaka","givenName":"Nadia"},"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"},"roles":[]}
    PATCH /Users/1 {"Operations":[{"op":"Replace","path":"title","value":"Counsel"}]}
    PATCH /Users/1 {"Operations":[{"op":"Replace","path":"displayName","value":"Ada Abernathy"},{"op":"Replace","path":"name.formatted","value":"Ada Abernathy"},{"op":"Replace","path":"name.familyName","value":"Abernathy"}]}
    PATCH /Users/1 {"Operations":[{"op":"Replace","path":"userName","value":"ada@acme.example"},{"op":"Replace","path":"emails[type eq \"work\"].value","value":"ada@acme.example"}]}
    PATCH /Users/1 {"Operations":[{"op":"Add","path":"addresses[type eq \"work\"].streetAddress","value":"1 Harbour Lane"},{"op":"Add","path":"addresses[type eq \"work\"].locality","value":"Lisbon"},{"op":"Add","path":"addresses[type eq \"work\"].region","value":"Centre"},{"op":"Add","path":"addresses[type eq \"work\"].postalCode","value":"10001"},{"op":"Add","path":"addresses[type eq \"work\"].country","value":"PT"}]}
    GET /Users?filter=id eq "2" and manager eq "1"&attributes=id
    PATCH /Users/2 {"Operations":[{"op":"Add","path":"…extension:enterprise:2.0:User:manager","value":"1"}]}
    PATCH /Users/2 {"Operations":[{"op":"Remove","path":"…extension:enterprise:2.0:User:manager"}]}
    GET /Groups?excludedAttributes=members&filter=displayName eq "Sales"
    POST /Groups {"schemas":["…core:2.0:Group","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],"externalId":"8aa1a0c0-c4c3-4bc0-b4a5-000000000000","displayName":"Sales","meta":{"resourceType":"Group"}}
    GET /Groups?excludedAttributes=members&filter=displayName eq "Support"
    POST /Groups {"schemas":["…core:2.0:Group","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],"externalId":"8aa1a0c0-c4c3-4bc0-b4a5-000000000001","displayName":"Support","meta":{"resourceType":"Group"}}
    PATCH /Groups/3 {"Operations":[{"op":"Add","path":"members","value":[{"$ref":null,"value":"1"},{"$ref":null,"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"Remove","path":"members","value":[{"$ref":null,"value":"2"}]}]}
    PATCH /Groups/4 {"Operations":[{"op":"Add","path":"members","value":[{"$ref":null,"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"Replace","path":"displayName","value":"Revenue"}]}
    PATCH /Groups/3 {"Operations":[{"op":"Remove","path":"members","value":[{"$ref":null,"value":"1"}]}]}
    DELETE /Groups/3
    PATCH /Users/2 {"Operations":[{"op":"Replace","path":"active","value":"False"}]}
    PATCH /Users/2 {"Operations":[{"op":"Replace","path":"active","value":"True"}]}
    PATCH /Users/2 {"Operations":[{"op":"Replace","path":"active","value":"False"}]}
    DELETE /Users/2
    "#);
}

#[tokio::test]
async fn entra_2020() {
    insta::assert_snapshot!(sent(Provider::Entra2020).await, @r#"
    [user-agent: Rollcall-Simulator/VERSION (Entra ID), content-type: application/scim+json; charset=utf-8, accept: application/scim+json]
    GET /Users?filter=userName eq "b3f0a5a2-6a5e-4a2e-9d3f-3f1c1c1e7a10"
    GET /Users?filter=userName eq "ada.grimaldi@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25-da5a-4317-94e2-3bc1eca8c766","userName":"ada.grimaldi@acme.example","active":true,"displayName":"Ada Grimaldi","title":"Engineer","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"meta":{"resourceType":"User"},"name":{"formatted":"Ada Grimaldi","familyName":"Grimaldi","givenName":"Ada"},"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"},"roles":[]}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef5-37f0-4702-924f-b7c90ebcd516","userName":"nadia.tanaka@acme.example","active":true,"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"meta":{"resourceType":"User"},"name":{"formatted":"Nadia Tanaka","familyName":"Tanaka","givenName":"Nadia"},"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"},"roles":[]}
    PATCH /Users/1 {"Operations":[{"op":"replace","path":"title","value":"Counsel"}]}
    PATCH /Users/1 {"Operations":[{"op":"replace","value":{"displayName":"Ada Abernathy","name.formatted":"Ada Abernathy","name.familyName":"Abernathy"}}]}
    PATCH /Users/1 {"Operations":[{"op":"replace","path":"emails[type eq \"work\"].value","value":"ada@acme.example"},{"op":"replace","path":"userName","value":"ada@acme.example"}]}
    PATCH /Users/1 {"Operations":[{"op":"add","path":"addresses[type eq \"work\"].streetAddress","value":"1 Harbour Lane"},{"op":"add","path":"addresses[type eq \"work\"].locality","value":"Lisbon"},{"op":"add","path":"addresses[type eq \"work\"].region","value":"Centre"},{"op":"add","path":"addresses[type eq \"work\"].postalCode","value":"10001"},{"op":"add","path":"addresses[type eq \"work\"].country","value":"PT"}]}
    GET /Users?filter=id eq "2" and manager eq "1"&attributes=id
    PATCH /Users/2 {"Operations":[{"op":"add","path":"…extension:enterprise:2.0:User:manager","value":"1"}]}
    PATCH /Users/2 {"Operations":[{"op":"remove","path":"…extension:enterprise:2.0:User:manager"}]}
    GET /Groups?excludedAttributes=members&filter=displayName eq "Sales"
    POST /Groups {"schemas":["…core:2.0:Group","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],"externalId":"8aa1a0c0-c4c3-4bc0-b4a5-000000000000","displayName":"Sales","meta":{"resourceType":"Group"}}
    GET /Groups?excludedAttributes=members&filter=displayName eq "Support"
    POST /Groups {"schemas":["…core:2.0:Group","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],"externalId":"8aa1a0c0-c4c3-4bc0-b4a5-000000000001","displayName":"Support","meta":{"resourceType":"Group"}}
    PATCH /Groups/3 {"Operations":[{"op":"add","path":"members","value":[{"value":"1"},{"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"remove","path":"members[value eq \"2\"]"}]}
    PATCH /Groups/4 {"Operations":[{"op":"add","path":"members","value":[{"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","path":"displayName","value":"Revenue"}]}
    PATCH /Groups/3 {"Operations":[{"op":"remove","path":"members[value eq \"1\"]"}]}
    DELETE /Groups/3
    PATCH /Users/2 {"Operations":[{"op":"replace","path":"active","value":false}]}
    PATCH /Users/2 {"Operations":[{"op":"replace","path":"active","value":true}]}
    PATCH /Users/2 {"Operations":[{"op":"replace","path":"active","value":false}]}
    DELETE /Users/2
    "#);
}

#[tokio::test]
async fn okta() {
    insta::assert_snapshot!(sent(Provider::Okta).await, @r#"
    [user-agent: Okta SCIM Client 1.0.0, content-type: application/scim+json; charset=utf-8, accept: application/scim+json, accept-charset: utf-8]
    GET /Users?startIndex=1&count=1
    GET /Users?filter=userName eq "ada.grimaldi@acme.example"&startIndex=1&count=100
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"displayName":"Ada Grimaldi","title":"Engineer","locale":"en-US","externalId":"00u00000000000000000","groups":[],"password":"1mz050nq","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"&startIndex=1&count=100
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"displayName":"Nadia Tanaka","title":"Engineer","locale":"en-US","externalId":"00u00000000000000001","groups":[],"password":"1mz050nq","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    GET /Users/1
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"displayName":"Ada Grimaldi","title":"Counsel","locale":"en-US","externalId":"00u00000000000000000","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"},"id":"1","meta":{"location":"/Users/1","version":"1"},"groups":[]}
    GET /Users/1
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"displayName":"Ada Abernathy","title":"Counsel","locale":"en-US","externalId":"00u00000000000000000","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"},"id":"1","meta":{"location":"/Users/1","version":"1"},"groups":[]}
    GET /Users/1
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"displayName":"Ada Abernathy","title":"Counsel","locale":"en-US","externalId":"00u00000000000000000","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"},"id":"1","meta":{"location":"/Users/1","version":"1"},"groups":[]}
    GET /Users/1
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"displayName":"Ada Abernathy","title":"Counsel","locale":"en-US","externalId":"00u00000000000000000","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"},"id":"1","meta":{"location":"/Users/1","version":"2"},"groups":[],"addresses":[{"streetAddress":"1 Harbour Lane","locality":"Lisbon","region":"Centre","postalCode":"10001","country":"PT","type":"work"}]}
    GET /Users/2
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"displayName":"Nadia Tanaka","title":"Engineer","locale":"en-US","externalId":"00u00000000000000001","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales","manager":{"value":"1"}},"id":"2","meta":{"location":"/Users/2","version":"1"},"groups":[]}
    GET /Users/2
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"displayName":"Nadia Tanaka","title":"Engineer","locale":"en-US","externalId":"00u00000000000000001","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"},"id":"2","meta":{"location":"/Users/2","version":"1"},"groups":[]}
    GET /Groups?filter=displayName eq "Sales"&startIndex=1&count=100
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Sales","members":[]}
    GET /Groups?filter=displayName eq "Support"&startIndex=1&count=100
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Support","members":[]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","value":{"id":"3","displayName":"Sales"}},{"op":"add","path":"members","value":[{"value":"1","display":"ada@acme.example"},{"value":"2","display":"nadia.tanaka@acme.example"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","value":{"id":"3","displayName":"Sales"}},{"op":"remove","path":"members[value eq \"2\"]"}]}
    PATCH /Groups/4 {"Operations":[{"op":"replace","value":{"id":"4","displayName":"Support"}},{"op":"add","path":"members","value":[{"value":"2","display":"nadia.tanaka@acme.example"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","value":{"id":"3","displayName":"Revenue"}}]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","value":{"id":"3","displayName":"Revenue"}},{"op":"replace","path":"members","value":[]}]}
    DELETE /Groups/3
    PATCH /Users/2 {"Operations":[{"op":"replace","value":{"active":false}}]}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"&startIndex=1&count=100
    PATCH /Users/2 {"Operations":[{"op":"replace","value":{"active":true}}]}
    PATCH /Users/2 {"Operations":[{"op":"replace","value":{"active":false}}]}
    "#);
}

#[tokio::test]
async fn okta_custom() {
    insta::assert_snapshot!(sent(Provider::OktaCustom).await, @r#"
    [user-agent: Okta SCIM Client 1.0.0, content-type: application/scim+json; charset=utf-8, accept: application/scim+json, accept-charset: utf-8]
    GET /Users?startIndex=1&count=1
    GET /Users?filter=userName eq "ada.grimaldi@acme.example"&startIndex=1&count=100
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"displayName":"Ada Grimaldi","title":"Engineer","locale":"en-US","externalId":"00u00000000000000000","groups":[],"password":"1mz050nq","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"&startIndex=1&count=100
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"displayName":"Nadia Tanaka","title":"Engineer","locale":"en-US","externalId":"00u00000000000000001","groups":[],"password":"1mz050nq","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    GET /Users/1
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"displayName":"Ada Grimaldi","title":"Counsel","locale":"en-US","externalId":"00u00000000000000000","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"},"id":"1","meta":{"location":"/Users/1","version":"1"},"groups":[]}
    GET /Users/1
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"displayName":"Ada Abernathy","title":"Counsel","locale":"en-US","externalId":"00u00000000000000000","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"},"id":"1","meta":{"location":"/Users/1","version":"1"},"groups":[]}
    GET /Users/1
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"displayName":"Ada Abernathy","title":"Counsel","locale":"en-US","externalId":"00u00000000000000000","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"},"id":"1","meta":{"location":"/Users/1","version":"1"},"groups":[]}
    GET /Users/1
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"displayName":"Ada Abernathy","title":"Counsel","locale":"en-US","externalId":"00u00000000000000000","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"},"id":"1","meta":{"location":"/Users/1","version":"2"},"groups":[],"addresses":[{"streetAddress":"1 Harbour Lane","locality":"Lisbon","region":"Centre","postalCode":"10001","country":"PT","type":"work"}]}
    GET /Users/2
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"displayName":"Nadia Tanaka","title":"Engineer","locale":"en-US","externalId":"00u00000000000000001","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales","manager":{"value":"1"}},"id":"2","meta":{"location":"/Users/2","version":"1"},"groups":[]}
    GET /Users/2
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"displayName":"Nadia Tanaka","title":"Engineer","locale":"en-US","externalId":"00u00000000000000001","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"},"id":"2","meta":{"location":"/Users/2","version":"1"},"groups":[]}
    GET /Groups?filter=displayName eq "Sales"&startIndex=1&count=100
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Sales","members":[]}
    GET /Groups?filter=displayName eq "Support"&startIndex=1&count=100
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Support","members":[]}
    PUT /Groups/3 {"schemas":["…core:2.0:Group"],"displayName":"Sales","members":[{"value":"1","display":"ada@acme.example"},{"value":"2","display":"nadia.tanaka@acme.example"}]}
    PUT /Groups/3 {"schemas":["…core:2.0:Group"],"displayName":"Sales","members":[{"value":"1","display":"ada@acme.example"}]}
    PUT /Groups/4 {"schemas":["…core:2.0:Group"],"displayName":"Support","members":[{"value":"2","display":"nadia.tanaka@acme.example"}]}
    PUT /Groups/3 {"schemas":["…core:2.0:Group"],"displayName":"Revenue","members":[{"value":"1","display":"ada@acme.example"}]}
    PUT /Groups/3 {"schemas":["…core:2.0:Group"],"displayName":"Revenue","members":[]}
    DELETE /Groups/3
    GET /Users/2
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"displayName":"Nadia Tanaka","title":"Engineer","locale":"en-US","externalId":"00u00000000000000001","active":false,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"},"id":"2","meta":{"location":"/Users/2","version":"1"},"groups":[{"value":"4"}]}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"&startIndex=1&count=100
    GET /Users/2
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"displayName":"Nadia Tanaka","title":"Engineer","locale":"en-US","externalId":"00u00000000000000001","active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"},"id":"2","meta":{"location":"/Users/2","version":"1"},"groups":[{"value":"4"}]}
    GET /Users/2
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"displayName":"Nadia Tanaka","title":"Engineer","locale":"en-US","externalId":"00u00000000000000001","active":false,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"},"id":"2","meta":{"location":"/Users/2","version":"1"},"groups":[{"value":"4"}]}
    "#);
}

#[tokio::test]
async fn one_login() {
    insta::assert_snapshot!(sent(Provider::OneLogin).await, @r#"
    [user-agent: OneLogin, content-type: application/json, accept: application/json]
    GET /Users?count=1&
    GET /Users?filter=userName eq "ada.grimaldi@acme.example"&
    POST /Users? {"schemas":["urn:scim:schemas:core:2.0","urn:scim:schemas:extension:enterprise:2.0"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Engineer","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"urn:scim:schemas:extension:enterprise:2.0":{"employeeNumber":"752033","department":"Engineering"}}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"&
    POST /Users? {"schemas":["urn:scim:schemas:core:2.0","urn:scim:schemas:extension:enterprise:2.0"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"urn:scim:schemas:extension:enterprise:2.0":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/1? {"schemas":["urn:scim:schemas:core:2.0","urn:scim:schemas:extension:enterprise:2.0"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"urn:scim:schemas:extension:enterprise:2.0":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1? {"schemas":["urn:scim:schemas:core:2.0","urn:scim:schemas:extension:enterprise:2.0"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"urn:scim:schemas:extension:enterprise:2.0":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1? {"schemas":["urn:scim:schemas:core:2.0","urn:scim:schemas:extension:enterprise:2.0"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"active":true,"urn:scim:schemas:extension:enterprise:2.0":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1? {"schemas":["urn:scim:schemas:core:2.0","urn:scim:schemas:extension:enterprise:2.0"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"addresses":[{"streetAddress":"1 Harbour Lane","locality":"Lisbon","region":"Centre","postalCode":"10001","country":"PT","type":"work"}],"active":true,"urn:scim:schemas:extension:enterprise:2.0":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/2? {"schemas":["urn:scim:schemas:core:2.0","urn:scim:schemas:extension:enterprise:2.0"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"urn:scim:schemas:extension:enterprise:2.0":{"employeeNumber":"768212","department":"Sales","manager":{"value":"1"}}}
    PUT /Users/2? {"schemas":["urn:scim:schemas:core:2.0","urn:scim:schemas:extension:enterprise:2.0"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"urn:scim:schemas:extension:enterprise:2.0":{"employeeNumber":"768212","department":"Sales"}}
    [user-agent: , content-type: application/scim+json, accept: application/scim+json]
    GET /Groups?startIndex=1&count=100&
    POST /Groups? {"schemas":["…core:2.0:Group"],"displayName":"Sales","members":[]}
    GET /Groups?startIndex=1&count=100&
    POST /Groups? {"schemas":["…core:2.0:Group"],"displayName":"Support","members":[]}
    PATCH /Groups/3? {"Operations":[{"op":"add","path":"members","value":[{"value":"1"},{"value":"2"}]}]}
    PATCH /Groups/3? {"Operations":[{"op":"remove","path":"members[value eq \"2\"]"}]}
    PATCH /Groups/4? {"Operations":[{"op":"add","path":"members","value":[{"value":"2"}]}]}
    PATCH /Groups/3? {"Operations":[{"op":"replace","path":"displayName","value":"Revenue"}]}
    PATCH /Groups/3? {"Operations":[{"op":"remove","path":"members[value eq \"1\"]"}]}
    [user-agent: OneLogin, content-type: application/json, accept: application/json]
    PUT /Users/2? {"schemas":["urn:scim:schemas:core:2.0","urn:scim:schemas:extension:enterprise:2.0"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":false,"urn:scim:schemas:extension:enterprise:2.0":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/2? {"schemas":["urn:scim:schemas:core:2.0","urn:scim:schemas:extension:enterprise:2.0"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"urn:scim:schemas:extension:enterprise:2.0":{"employeeNumber":"768212","department":"Sales"}}
    DELETE /Users/2?
    "#);
}

#[tokio::test]
async fn jump_cloud() {
    insta::assert_snapshot!(sent(Provider::JumpCloud).await, @r#"
    [user-agent: Rollcall-Simulator/VERSION (JumpCloud), content-type: application/json, accept: application/json]
    GET /Users?filter=userName eq "rollcall-trial-user@acme.example"
    POST /Users {"schemas":["…core:2.0:User"],"userName":"rollcall-trial-user@acme.example","name":{"givenName":"Test","familyName":"User"},"emails":[{"value":"rollcall-trial-user@acme.example","type":"work","primary":true}],"active":true}
    PUT /Users/1 {"schemas":["…core:2.0:User"],"userName":"rollcall-trial-user@acme.example","name":{"givenName":"Test","familyName":"User 2"},"emails":[{"value":"rollcall-trial-user@acme.example","type":"work","primary":true}],"active":true}
    DELETE /Users/1
    GET /Groups?filter=displayName eq "rollcall-trial-group"
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"rollcall-trial-group","members":[]}
    PUT /Groups/2 {"schemas":["…core:2.0:Group"],"displayName":"rollcall-trial-group-2","members":[]}
    DELETE /Groups/2
    GET /Users?filter=userName eq "ada.grimaldi@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Engineer","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/3 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/3 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/3 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/3 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"addresses":[{"streetAddress":"1 Harbour Lane","locality":"Lisbon","region":"Centre","postalCode":"10001","country":"PT","type":"work"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/4 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales","manager":{"value":"3"}}}
    PUT /Users/4 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    GET /Groups?filter=displayName eq "Sales"
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Sales","members":[]}
    GET /Groups?filter=displayName eq "Support"
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Support","members":[]}
    PATCH /Groups/5 {"Operations":[{"op":"add","path":"members","value":[{"value":"3"},{"value":"4"}]}]}
    PATCH /Groups/5 {"Operations":[{"op":"remove","path":"members","value":[{"value":"4"}]}]}
    PATCH /Groups/6 {"Operations":[{"op":"add","path":"members","value":[{"value":"4"}]}]}
    PATCH /Groups/5 {"Operations":[{"op":"replace","path":"displayName","value":"Revenue"}]}
    PATCH /Groups/5 {"Operations":[{"op":"remove","path":"members","value":[{"value":"3"}]}]}
    DELETE /Groups/5
    PUT /Users/4 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":false,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/4 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    DELETE /Users/4
    "#);
}

#[tokio::test]
async fn ping_one() {
    insta::assert_snapshot!(sent(Provider::PingOne).await, @r#"
    [user-agent: Rollcall-Simulator/VERSION (PingOne), content-type: application/json, accept: application/json]
    GET /Users?startIndex=1&count=1
    GET /Users?filter=userName eq "ada.grimaldi@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Engineer","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"addresses":[{"streetAddress":"1 Harbour Lane","locality":"Lisbon","region":"Centre","postalCode":"10001","country":"PT","type":"work"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales","manager":{"value":"1"}}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    GET /Groups?startIndex=1&count=100
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Sales","members":[]}
    GET /Groups?startIndex=1&count=100
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Support","members":[]}
    PATCH /Groups/3 {"Operations":[{"op":"add","path":"members","value":[{"value":"1"},{"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"remove","path":"members[value eq \"2\"]"}]}
    PATCH /Groups/4 {"Operations":[{"op":"add","path":"members","value":[{"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","path":"displayName","value":"Revenue"}]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","path":"members","value":[]}]}
    DELETE /Groups/3
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":false,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":false,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    DELETE /Users/2
    "#);
}

#[tokio::test]
async fn google() {
    insta::assert_snapshot!(sent(Provider::Google).await, @r#"
    [user-agent: Google-Auto-Provisioning, content-type: application/json, accept: application/json]
    GET /Users?startIndex=1&count=1
    GET /Users?filter=userName eq "ada.grimaldi@acme.example"
    POST /Users {"schemas":["…core:2.0:User"],"userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"emails":[{"value":"ada.grimaldi@acme.example","primary":true}],"active":true}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"
    POST /Users {"schemas":["…core:2.0:User"],"userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"emails":[{"value":"nadia.tanaka@acme.example","primary":true}],"active":true}
    PUT /Users/1 {"schemas":["…core:2.0:User"],"userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"emails":[{"value":"ada.grimaldi@acme.example","primary":true}],"active":true}
    PUT /Users/1 {"schemas":["…core:2.0:User"],"userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"emails":[{"value":"ada@acme.example","primary":true}],"active":true}
    PUT /Users/2 {"schemas":["…core:2.0:User"],"userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"emails":[{"value":"nadia.tanaka@acme.example","primary":true}],"active":false}
    PUT /Users/2 {"schemas":["…core:2.0:User"],"userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"emails":[{"value":"nadia.tanaka@acme.example","primary":true}],"active":true}
    PUT /Users/2 {"schemas":["…core:2.0:User"],"userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"emails":[{"value":"nadia.tanaka@acme.example","primary":true}],"active":false}
    DELETE /Users/2
    "#);
}

#[tokio::test]
async fn rippling() {
    insta::assert_snapshot!(sent(Provider::Rippling).await, @r#"
    [user-agent: Rollcall-Simulator/VERSION (Rippling), content-type: application/scim+json, accept: application/scim+json]
    GET /Users?startIndex=1&count=1
    GET /Groups?startIndex=1&count=1
    GET /Users?filter=userName eq "ada.grimaldi@acme.example"&startIndex=1&count=100
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Engineer","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"&startIndex=1&count=100
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"addresses":[{"streetAddress":"1 Harbour Lane","locality":"Lisbon","region":"Centre","postalCode":"10001","country":"PT","type":"work"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales","manager":{"value":"1"}}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    GET /Groups?startIndex=1&count=100
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Sales","members":[]}
    GET /Groups?startIndex=1&count=100
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Support","members":[]}
    PATCH /Groups/3 {"Operations":[{"op":"add","path":"members","value":[{"value":"1"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"add","path":"members","value":[{"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"remove","path":"members[value eq \"2\"]"}]}
    PATCH /Groups/4 {"Operations":[{"op":"add","path":"members","value":[{"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","path":"displayName","value":"Revenue"}]}
    PATCH /Groups/3 {"Operations":[{"op":"remove","path":"members[value eq \"1\"]"}]}
    DELETE /Groups/3
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":false,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":false,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    "#);
}

#[tokio::test]
async fn cyber_ark() {
    insta::assert_snapshot!(sent(Provider::CyberArk).await, @r#"
    [user-agent: Rollcall-Simulator/VERSION (CyberArk), content-type: application/scim+json, accept: application/scim+json]
    GET /ServiceProviderConfig
    GET /ResourceTypes/User
    GET /ResourceTypes/Group
    GET /Schemas/urn:ietf:params:scim:schemas:core:2.0:User
    GET /Schemas/urn:ietf:params:scim:schemas:core:2.0:Group
    GET /Users?count=1
    GET /Users?filter=userName eq "ada.grimaldi@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Engineer","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"addresses":[{"streetAddress":"1 Harbour Lane","locality":"Lisbon","region":"Centre","postalCode":"10001","country":"PT","type":"work"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales","manager":{"value":"1"}}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    GET /Groups?startIndex=1&count=100
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Sales","members":[]}
    GET /Groups?startIndex=1&count=100
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Support","members":[]}
    PATCH /Groups/3 {"Operations":[{"op":"add","path":"members","value":[{"value":"1"},{"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"remove","path":"members[value eq \"2\"]"}]}
    PATCH /Groups/4 {"Operations":[{"op":"add","path":"members","value":[{"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","path":"displayName","value":"Revenue"}]}
    PATCH /Groups/3 {"Operations":[{"op":"remove","path":"members[value eq \"1\"]"}]}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":false,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":false,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    "#);
}

#[tokio::test]
async fn sail_point() {
    insta::assert_snapshot!(sent(Provider::SailPoint).await, @r#"
    [user-agent: Rollcall-Simulator/VERSION (SailPoint), content-type: application/scim+json, accept: application/scim+json]
    GET /ServiceProviderConfig
    GET /ResourceTypes
    GET /Schemas
    GET /ResourceTypes/User
    GET /ResourceTypes/Group
    GET /Users?startIndex=1&count=1
    GET /Users?filter=userName eq "ada.grimaldi@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Engineer","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PATCH /Users/1 {"Operations":[{"op":"replace","value":{"title":"Counsel"}}]}
    PATCH /Users/1 {"Operations":[{"op":"replace","value":{"displayName":"Ada Abernathy"}},{"op":"replace","value":{"name":{"familyName":"Abernathy"}}}]}
    PATCH /Users/1 {"Operations":[{"op":"replace","value":{"userName":"ada@acme.example"}},{"op":"replace","value":{"emails":[{"primary":true,"type":"work","value":"ada@acme.example"}]}}]}
    PATCH /Users/1 {"Operations":[{"op":"replace","value":{"addresses":[{"streetAddress":"1 Harbour Lane","locality":"Lisbon","region":"Centre","postalCode":"10001","country":"PT","type":"work"}]}}]}
    PATCH /Users/2 {"Operations":[{"op":"replace","value":{"…extension:enterprise:2.0:User":{"manager":{"value":"1"}}}}]}
    PATCH /Users/2 {"Operations":[{"op":"remove","path":"…extension:enterprise:2.0:User:manager"}]}
    GET /Groups?startIndex=1&count=100
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Sales","members":[]}
    GET /Groups?startIndex=1&count=100
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Support","members":[]}
    PATCH /Groups/3 {"Operations":[{"op":"add","path":"members","value":[{"value":"1"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"add","path":"members","value":[{"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"remove","path":"members[value eq \"2\"]"}]}
    PATCH /Groups/4 {"Operations":[{"op":"add","path":"members","value":[{"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","path":"displayName","value":"Revenue"}]}
    PATCH /Groups/3 {"Operations":[{"op":"remove","path":"members[value eq \"1\"]"}]}
    DELETE /Groups/3
    PATCH /Users/2 {"Operations":[{"op":"replace","value":{"active":false}}]}
    PATCH /Users/2 {"Operations":[{"op":"replace","value":{"active":true}}]}
    DELETE /Users/2
    "#);
}

#[tokio::test]
async fn keycloak() {
    insta::assert_snapshot!(sent(Provider::Keycloak).await, @r#"
    [user-agent: Rollcall-Simulator/VERSION (Keycloak), content-type: application/scim+json, accept: application/scim+json]
    GET /ServiceProviderConfig
    GET /Users?filter=userName eq "ada.grimaldi@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Engineer","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"addresses":[{"streetAddress":"1 Harbour Lane","locality":"Lisbon","region":"Centre","postalCode":"10001","country":"PT","type":"work"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales","manager":{"value":"1"}}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    GET /Groups?filter=displayName eq "Sales"
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Sales","members":[]}
    GET /Groups?filter=displayName eq "Support"
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Support","members":[]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","path":"members","value":[{"value":"1"},{"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","path":"members","value":[{"value":"1"}]}]}
    PATCH /Groups/4 {"Operations":[{"op":"replace","path":"members","value":[{"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","path":"displayName","value":"Revenue"}]}
    PATCH /Groups/3 {"Operations":[{"op":"replace","path":"members","value":[]}]}
    DELETE /Groups/3
    PATCH /Users/2 {"Operations":[{"op":"replace","value":{"active":"false"}}]}
    PATCH /Users/2 {"Operations":[{"op":"replace","value":{"active":"true"}}]}
    DELETE /Users/2
    "#);
}

#[tokio::test]
async fn authentik() {
    insta::assert_snapshot!(sent(Provider::Authentik).await, @r#"
    [user-agent: Rollcall-Simulator/VERSION (authentik), content-type: application/scim+json, accept: application/scim+json]
    GET /ServiceProviderConfig
    GET /Users?filter=userName eq "ada.grimaldi@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Engineer","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    GET /Users?filter=userName eq "nadia.tanaka@acme.example"
    POST /Users {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Grimaldi"},"displayName":"Ada Grimaldi","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada.grimaldi@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada.grimaldi@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/1 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"61644a25da5a431794e23bc1","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","title":"Counsel","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"addresses":[{"streetAddress":"1 Harbour Lane","locality":"Lisbon","region":"Centre","postalCode":"10001","country":"PT","type":"work"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"752033","department":"Engineering"}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales","manager":{"value":"1"}}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    GET /Groups?filter=displayName eq "Sales"
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Sales","members":[]}
    GET /Groups?filter=displayName eq "Support"
    POST /Groups {"schemas":["…core:2.0:Group"],"displayName":"Support","members":[]}
    PATCH /Groups/3 {"Operations":[{"op":"add","path":"members","value":[{"value":"1"},{"value":"2"}]}]}
    PATCH /Groups/3 {"Operations":[{"op":"remove","path":"members[value eq \"2\"]"}]}
    PATCH /Groups/4 {"Operations":[{"op":"add","path":"members","value":[{"value":"2"}]}]}
    PUT /Groups/3 {"schemas":["…core:2.0:Group"],"displayName":"Revenue","members":[{"value":"1"}]}
    PATCH /Groups/3 {"Operations":[{"op":"remove","path":"members[value eq \"1\"]"}]}
    DELETE /Groups/3
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":false,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    PUT /Users/2 {"schemas":["…core:2.0:User","…extension:enterprise:2.0:User"],"externalId":"40835ef537f04702924fb7c9","userName":"nadia.tanaka@acme.example","name":{"givenName":"Nadia","familyName":"Tanaka"},"displayName":"Nadia Tanaka","title":"Engineer","emails":[{"primary":true,"type":"work","value":"nadia.tanaka@acme.example"}],"active":true,"…extension:enterprise:2.0:User":{"employeeNumber":"768212","department":"Sales"}}
    DELETE /Users/2
    "#);
}
