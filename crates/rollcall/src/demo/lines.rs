//! The lines for a request, an event and a webhook.

use std::{net::SocketAddr, time::Duration};

use rollcall_simulator::Exchange;
use serde_json::Value;

use super::{
    order::Place,
    paint::{Look, Paint, cut},
};

/// The columns that a request's row has beside the request: its mark, its answer's status and time.
const BESIDE: usize = 2 + 2 + 14;

/// What is seen at the top.
pub(crate) fn header(paint: Paint, data: &str) -> Vec<String> {
    let title = format!("Rollcall {}", env!("CARGO_PKG_VERSION"));
    vec![
        format!("{}: from a customer's directory to your application", paint.on(Look::Bold, &title)),
        String::new(),
        "   Entra ID ─┐   SCIM 2.0                signed webhooks".to_owned(),
        "             ├────────────▶  Rollcall  ─────────────────▶  an application".to_owned(),
        "   Okta ─────┘                                              that verifies".to_owned(),
        String::new(),
        "Two companies' directories play a day, over real HTTP to a real server here".to_owned(),
        format!("(its data: {}). You will see", cut(data, 50)),
        format!("  {} a provider's request, in that provider's own dialect", paint.on(Look::Bold, "→")),
        format!(
            "  {} what it meant: one normalized event; #n counts per directory",
            paint.on(Look::Event, "event")
        ),
        format!("  {} its webhook, received, its signature and its place checked", paint.on(Look::Good, "✓")),
    ]
}

/// Where the server is: what was wanted, and what it got. It goes elsewhere if a port is taken.
pub(crate) fn addresses(paint: Paint, wanted: [SocketAddr; 2], got: [SocketAddr; 2]) -> Vec<String> {
    let [public, private] = got;
    let mut lines =
        vec![String::new(), format!("  SCIM and /v1 at http://{public}, metrics at http://{private}")];
    for (wanted, got) in wanted.into_iter().zip(got) {
        if wanted.port() != 0 && wanted.port() != got.port() {
            let why = format!("{wanted} is in use by another program: {got} is taken instead");
            lines.push(paint.row((Look::Plain, "  "), (Look::Dim, &why), ""));
        }
    }
    lines
}

/// The line that says what a request is for.
pub(crate) fn heading(paint: Paint, exchange: &Exchange) -> String {
    let title = format!("{}: {}", exchange.persona, exchange.what);
    format!("\n{}", paint.on(Look::Bold, &cut(&title, paint.width)))
}

/// The lines for what was sent, and how it was answered.
pub(crate) fn exchange(paint: Paint, exchange: &Exchange) -> Vec<String> {
    let fine = (200..300).contains(&exchange.status);
    let mut lines = Vec::new();
    let asks = exchange.method == "GET";
    let mut request = format!("{} {}", exchange.method, shorten_ids(&decode(&exchange.path)));
    let mut below = exchange.request.as_ref().map_or_else(Vec::new, |body| summary(exchange.method, body));
    let words: usize = below.iter().map(|part| part.chars().count() + 2).sum();
    // What fits stands in the same row; else each operation has one of its own.
    if request.chars().count() + words <= paint.width - BESIDE {
        for part in below.drain(..) {
            request.push_str("  ");
            request.push_str(&part);
        }
    }
    let mut right = exchange.status.to_string();
    if asks && fine {
        right.push_str(match exchange.answer.as_ref().and_then(|a| a["totalResults"].as_u64()) {
            Some(0) => " none",
            Some(_) => " found",
            None => "",
        });
    } else {
        right.push_str(&format!("  {:>7}", milliseconds(exchange.duration)));
    }
    let mark = if fine { (Look::Bold, "→ ") } else { (Look::Bad, "→ ") };
    lines.push(paint.row(mark, (if asks { Look::Dim } else { Look::Plain }, &request), &right));
    lines.extend(below.iter().map(|part| paint.row((Look::Plain, "    "), (Look::Plain, part), "")));
    lines
}

/// The line for a write that gave no event.
pub(crate) fn no_event(paint: Paint) -> String {
    paint.row((Look::Plain, "  "), (Look::Dim, "no event: nothing changed"), "")
}

/// The lines for an event: one, or two if its changes need room. A membership event carries its
/// user's sign-in name only; `who` is the name that the user was last seen with.
pub(crate) fn event(paint: Paint, event: &Value, who: Option<&str>) -> Vec<String> {
    const MARK: &str = "  event    ";
    let fact = format!("{:<22}#{:<3} {}", string(&event["type"]), event["sequence"], about(event, who));
    let changes: Vec<String> = event["changes"].as_array().into_iter().flatten().map(one_change).collect();
    let changes = changes.join(", ");
    let row = |mark: &str, text: &str| paint.row((Look::Event, mark), (Look::Plain, text), "");
    if changes.is_empty() {
        return vec![row(MARK, &fact)];
    }
    let whole = format!("{fact}: {changes}");
    if MARK.len() + whole.chars().count() <= paint.width {
        vec![row(MARK, &whole)]
    } else {
        vec![row(MARK, &fact), row(&" ".repeat(MARK.len() + 2), &changes)]
    }
}

/// The line for a webhook that arrived; `took` since the provider's request, if there was one.
pub(crate) fn webhook(paint: Paint, place: Place, took: Option<Duration>) -> String {
    let right = took.map(|t| format!("{} after the request", milliseconds(t))).unwrap_or_default();
    let (mark, text) = match place {
        Place::InOrder => ((Look::Good, "  ✓ "), "webhook, signature verified, in order"),
        Place::Repeated => ((Look::Good, "  ✓ "), "webhook, signature verified, a repetition"),
        Place::OutOfOrder => ((Look::Bad, "  ✗ "), "webhook, signature verified, OUT OF ORDER"),
    };
    paint.row(mark, (Look::Good, text), &right)
}

/// The line for something that should not have been.
pub(crate) fn wrong(paint: Paint, what: &str) -> String {
    paint.row((Look::Bad, "  ✗ "), (Look::Bad, what), "")
}

/// Such as `1.8 ms`.
pub(crate) fn milliseconds(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    if ms < 100.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// Who and what an event is about, in words.
fn about(event: &Value, who: Option<&str>) -> String {
    let data = &event["data"];
    let kind = string(&event["type"]);
    if let Some(change) = kind.strip_prefix("group.member_") {
        let arrow = if change == "added" { "joins" } else { "leaves" };
        let member = who.unwrap_or_else(|| first(&[&data["user"]["user_name"], &event["subject"]["id"]]));
        return format!("{member} {arrow} {}", string(&data["group"]["display_name"]));
    }
    first(&[&data["display_name"], &data["user_name"], &event["subject"]["id"]]).to_owned()
}

fn one_change(change: &Value) -> String {
    let show = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => "…".to_owned(),
        other => other.to_string(),
    };
    let path = string(&change["path"]);
    match (&change["from"], &change["to"]) {
        (Value::Null, Value::Object(_) | Value::Array(_)) => format!("{path} set"),
        (Value::Null, to) => format!("{path} {}", show(to)),
        (_, Value::Null) => format!("{path} removed"),
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => {
            format!("{path} changed")
        }
        (from, to) => format!("{path} {} → {}", show(from), show(to)),
    }
}

/// A request's body in a few words, in the provider's own spelling.
fn summary(method: &str, body: &Value) -> Vec<String> {
    if let Some(operations) = body["Operations"].as_array() {
        return operations.iter().map(operation).collect();
    }
    let members = body["members"].as_array().map_or(0, Vec::len);
    vec![match (method, body["userName"].as_str(), body["displayName"].as_str()) {
        ("POST", Some(name), _) => name.to_owned(),
        ("POST", None, Some(name)) => format!("\"{name}\", no members yet"),
        ("PUT", Some(_), _) => "the whole profile".to_owned(),
        ("PUT", None, Some(name)) => format!("the whole group \"{name}\", {members} members"),
        _ => return Vec::new(),
    }]
}

fn operation(operation: &Value) -> String {
    let op = string(&operation["op"]);
    // The extension's URN is longer than the line.
    let path = string(&operation["path"]);
    let path = shorten_ids(path.rsplit_once(":User:").map_or(path, |(_, attribute)| attribute));
    let value = match &operation["value"] {
        Value::Null => String::new(),
        Value::Array(values) => match values.len() {
            1 => {
                format!(" {}", values[0]["value"].as_str().map_or_else(|| values[0].to_string(), shorten_ids))
            }
            many => format!(" [{many} people]"),
        },
        Value::Object(fields) => {
            // An id that is sent along says nothing to a person.
            let shown: Vec<String> = fields
                .iter()
                .filter(|(name, _)| *name != "id")
                .map(|(name, value)| format!("{name} {value}"))
                .collect();
            shown.join(" ")
        }
        other => format!(" {}", shorten_ids(&other.to_string())),
    };
    match path.as_str() {
        "" => format!("{op} {}", value.trim_start()),
        path => format!("{op} {path}{value}"),
    }
}

/// Every `usr_` and `grp_` id with only the last four of its digits.
fn shorten_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("usr_").into_iter().chain(rest.find("grp_")).min() {
        let (before, id) = rest.split_at(at);
        out.push_str(before);
        let digits = id[4..].bytes().take_while(u8::is_ascii_hexdigit).count();
        if digits == 32 {
            out.push_str(&id[..4]);
            out.push('…');
            out.push_str(&id[32..36]);
            rest = &id[36..];
        } else {
            out.push_str(&id[..4]);
            rest = &id[4..];
        }
    }
    out.push_str(rest);
    out
}

/// Percent-decoding, for reading only.
fn decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex =
            bytes.get(i + 1..i + 3).and_then(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok());
        match (bytes[i], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn first<'v>(values: &[&'v Value]) -> &'v str {
    values.iter().find_map(|value| value.as_str()).unwrap_or("")
}

#[cfg(test)]
mod tests;
