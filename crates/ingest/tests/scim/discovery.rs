//! What anybody may ask.

use serde_json::json;

use crate::server::{Ask, Server};

#[actix_web::test]
async fn discovery_needs_no_token_and_tells_nothing_of_a_directory() {
    let server = Server::start().await;
    let stranger = "/scim/v2/dir_00000000000000000000000000000000".to_owned();
    for base in [server.one.path(), stranger] {
        for rest in [
            "/ServiceProviderConfig",
            "/ResourceTypes",
            "/ResourceTypes/User",
            "/ResourceTypes/Group/",
            "/Schemas",
            "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
            "/Schemas/urn%3Aietf%3Aparams%3Ascim%3Aschemas%3Acore%3A2.0%3AGroup",
            "/Schemas?startIndex=2&count=1&sortBy=id",
        ] {
            let got = server.send(Ask::at("GET", &format!("{base}{rest}"))).await;
            assert_eq!(
                (got.status, got.header("content-type")),
                (200, Some("application/scim+json")),
                "{rest}"
            );
        }
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let got = server.send(Ask::at(method, &format!("{base}/Schemas"))).await;
            got.assert_error(405, method);
            assert_eq!(got.header("allow"), Some("GET, HEAD, OPTIONS"));
        }
        for rest in ["/Schemas?filter=id%20pr", "/ResourceTypes?filter=x", "/ServiceProviderConfig?filter="] {
            server.send(Ask::at("GET", &format!("{base}{rest}"))).await.assert_error(403, rest);
        }
        for rest in ["/Schemas/urn:x", "/ResourceTypes/Printer"] {
            server.send(Ask::at("GET", &format!("{base}{rest}"))).await.assert_error(404, rest);
        }
    }
}

#[actix_web::test]
async fn what_is_advertised() {
    let server = Server::start().await;
    let base = format!("https://rollcall.example{}", server.one.path());
    let config = server.one("GET", "/ServiceProviderConfig", None).await.body;
    assert_eq!(config["patch"]["supported"], true);
    assert_eq!(
        config["bulk"],
        json!({"supported": true, "maxOperations": 1000, "maxPayloadSize": 16 * 1024 * 1024})
    );
    assert_eq!(config["pagination"]["cursor"], true);
    assert_eq!(config["etag"]["supported"], true);
    assert_eq!(config["filter"], json!({"supported": true, "maxResults": 1000}));
    assert_eq!(config["meta"]["location"], format!("{base}/ServiceProviderConfig"));
    let types = server.one("GET", "/ResourceTypes", None).await.body;
    assert_eq!(types["totalResults"], 2);
    assert_eq!(server.one("GET", "/Schemas", None).await.body["totalResults"], 3);
}
