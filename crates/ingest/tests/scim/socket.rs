//! What only a real connection shows: bodies that are still on their way when the answer is known.

use actix_web::{App, HttpServer, rt, web::Data};
use rollcall_ingest::{Settings, State, configure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::server::Server;

/// Sends a head and some of its body on a connection of their own, and reads until the server closes it.
async fn exchange(server: &Server, settings: Settings, head: &str, body: &[u8]) -> String {
    let state = Data::new(State::new(settings, server.store.clone(), "http://localhost".to_owned()));
    let http = HttpServer::new(move || {
        let state = state.clone();
        App::new().configure(move |config| configure(config, state))
    });
    let http = http.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = http.addrs()[0];
    let running = http.run();
    let handle = running.handle();
    rt::spawn(running);
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    writer.write_all(head.replace("{host}", &address.to_string()).as_bytes()).await.unwrap();
    let body = body.to_vec();
    let sending = rt::spawn(async move {
        // The server may have had enough at any moment.
        let _ = writer.write_all(&body).await;
        writer
    });
    let mut answer = Vec::new();
    reader.read_to_end(&mut answer).await.unwrap();
    sending.await.unwrap();
    handle.stop(false).await;
    String::from_utf8(answer).unwrap()
}

fn head(server: &Server, method: &str, rest: &str, token: &str, length: usize) -> String {
    format!(
        "{method} {}{rest} HTTP/1.1\r\nhost: {{host}}\r\nauthorization: Bearer {token}\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n",
        server.one.path()
    )
}

#[actix_web::test]
async fn a_large_body_is_refused_before_it_is_read_and_the_client_hears_of_it() {
    let server = Server::start().await;
    for (token, status) in [(server.one.token.as_str(), "413"), ("rcd_nope", "401")] {
        let head = head(&server, "POST", "/Users", token, 8 << 20);
        let answer = exchange(&server, Settings::default(), &head, &vec![b' '; 8 << 20]).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("content-type: application/scim+json\r\n"), "{answer}");
    }
}

#[actix_web::test]
async fn a_body_that_does_not_arrive_is_not_waited_for_forever() {
    let server = Server::start().await;
    let settings = Settings { body_timeout_seconds: 1, ..Settings::default() };
    let head = head(&server, "POST", "/Users", &server.one.token, 100);
    let answer = exchange(&server, settings, &head, b"{\"userName\":").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"status\":\"408\""), "{answer}");
}

#[actix_web::test]
async fn a_head_has_no_body() {
    let server = Server::start().await;
    let head = head(&server, "HEAD", "/Users", &server.one.token, 0);
    let answer = exchange(&server, Settings::default(), &head, b"").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}
