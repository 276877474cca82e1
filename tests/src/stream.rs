//! A reader of server-sent events, as a browser's `EventSource` reads them.

use std::time::Duration;

use crate::event::Event;

/// One server-sent event.
#[derive(Clone, Debug)]
pub struct Message {
    /// The `id:` field: the cursor.
    pub id: String,
    /// The joined `data:` fields.
    pub data: String,
}

impl Message {
    /// The event that it carries.
    pub fn event(&self) -> Event {
        Event::parse(self.data.as_bytes())
    }
}

/// An open stream.
#[derive(Debug)]
pub struct Messages {
    response: reqwest::Response,
    buffer: String,
}

impl Messages {
    /// Reads the stream of an answer that has begun.
    pub fn new(response: reqwest::Response) -> Self {
        Self { response, buffer: String::new() }
    }

    /// The next event that carries data; comments are passed over.
    pub async fn next(&mut self, patience: Duration) -> Message {
        let read = async {
            loop {
                while let Some((block, rest)) = self.buffer.split_once("\n\n") {
                    let message = parse(block);
                    self.buffer = rest.to_owned();
                    if let Some(message) = message {
                        return message;
                    }
                }
                let chunk = self.response.chunk().await.expect("the stream goes on").expect("it has no end");
                self.buffer.push_str(&String::from_utf8_lossy(&chunk).replace('\r', ""));
            }
        };
        tokio::time::timeout(patience, read).await.expect("a message comes in time")
    }
}

fn parse(block: &str) -> Option<Message> {
    let (mut id, mut data) = (String::new(), Vec::new());
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => value.clone_into(&mut id),
            "data" => data.push(value),
            _ => {}
        }
    }
    (!data.is_empty()).then(|| Message { id, data: data.join("\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_as_the_standard_says() {
        let read = parse("id: 7\nevent:user.created\ndata: {\ndata:}").expect("it has data");
        assert_eq!((read.id.as_str(), read.data.as_str()), ("7", "{\n}"));
        assert!(parse(": a comment that keeps the connection open").is_none());
    }
}
