//! What an operator sees of a request, and what nobody may see.

use std::{
    io,
    sync::{Arc, Mutex},
};

use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::server::{Ask, Server};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[actix_web::test]
async fn requests_rules_and_refusals_are_counted_and_logged_without_anything_personal() {
    let server = Server::start().await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let _metrics = metrics::set_default_local_recorder(&recorder);
    let log = Log::default();
    // While there is one subscriber, the interest in an event is that of the thread which comes by first, and
    // the threads of other tests have none. With two, every one of them is asked.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(log.clone());
    let _tracing = tracing::subscriber::set_default(subscriber.finish());

    let secret = "Zaphod";
    let body = json!({"userName": secret, "title": secret, "password": secret, "active": "True"});
    let made = server.one("POST", "/Users", Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let patch =
        json!({"schemas": [], "Operations": [{"op": "Replace", "path": "title", "value": "Zaphod B."}]});
    assert_eq!(server.one("PATCH", &format!("/Users/{}", made.id()), Some(&patch)).await.status, 200);
    for (rest, status) in [
        ("/Users?filter=userName%20eq%20%22Zaphod%22", 200),
        ("/Users?filter=userName%20xx%20%22Zaphod%22", 400),
        ("/Users/Zaphod", 404),
        ("/Zaphod?Zaphod", 404),
    ] {
        assert_eq!(server.one("GET", rest, None).await.status, status, "{rest}");
    }
    assert_eq!(server.one("POST", "/Users", Some(&body)).await.status, 409);
    let stranger =
        Ask::at("GET", &format!("{}/Users", server.one.path())).header("authorization", "Bearer Zaphod");
    assert_eq!(server.send(stranger).await.status, 401);

    // Also of a request that is refused in the end it is told which dialect it spoke.
    let refused = json!({"active": "True", "title": "Zaphod B."});
    assert_eq!(server.one("POST", "/Users", Some(&refused)).await.status, 400);

    let metrics = recorder.handle().render();
    for line in [
        r#"rollcall_scim_requests_total{method="POST",resource="User",status="201"} 1"#,
        r#"rollcall_scim_requests_total{method="GET",resource="User",status="401"} 1"#,
        r#"rollcall_scim_requests_total{method="GET",resource="Unknown",status="404"} 1"#,
        r#"rollcall_scim_rule_applied_total{rule="coerce_boolean_strings"} 3"#,
        r#"rollcall_scim_rule_applied_total{rule="op_case_insensitive"} 1"#,
        r#"rollcall_scim_senders_total{sender="entra_id"} 1"#,
        r#"rollcall_scim_senders_total{sender="unknown"} 7"#,
        r#"rollcall_scim_refused_total{reason="uniqueness"} 1"#,
        r#"rollcall_scim_refused_total{reason="invalidFilter"} 1"#,
        r#"rollcall_scim_refused_total{reason="unauthorized"} 1"#,
        r#"rollcall_scim_request_duration_seconds_count{method="PATCH",resource="User"} 1"#,
    ] {
        assert!(metrics.lines().any(|seen| seen == line), "{line} is not in\n{metrics}");
    }

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(log.matches("request_id").count(), 9, "{log}");
    let of_refused = log.lines().find(|line| line.contains("invalidValue"));
    assert!(of_refused.is_some_and(|line| line.contains("coerce_boolean_strings")), "{log}");
    assert!(log.contains("op_case_insensitive") && log.contains(server.one.id.as_str()), "{log}");
    for hidden in [secret, server.one.token.as_str()] {
        assert!(!log.contains(hidden) && !metrics.contains(hidden), "{log}\n{metrics}");
    }
}
