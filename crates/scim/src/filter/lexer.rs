//! A filter's text, cut into tokens.
//!
//! Words take in names, operators and bare literals alike; the parser knows from their place what they are.
//! String literals are JSON strings, escapes included (RFC 7644 §3.4.2.2).

use crate::error::ScimError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Word(&'a str),
    Text(String),
}

/// All tokens of a text whose length the caller has bounded.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, ScimError> {
    #[cfg(test)]
    super::work::did(text.len());
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        found.push(match byte {
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'(' => Token::Open,
            b')' => Token::Close,
            b'[' => Token::OpenBracket,
            b']' => Token::CloseBracket,
            b'"' => {
                at = string_end(bytes, at).ok_or_else(|| fail("A string is not closed", start))?;
                // Both ends are ASCII quotes, so this is a whole number of characters.
                let literal = serde_json::from_str(&text[start..at]);
                Token::Text(literal.map_err(|_| fail("A string is malformed", start))?)
            }
            _ if is_word(byte) => {
                while bytes.get(at).is_some_and(|&byte| is_word(byte)) {
                    at += 1;
                }
                Token::Word(&text[start..at])
            }
            _ => return Err(fail("An unexpected character stands", start)),
        });
    }
    Ok(found)
}

fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-$.:+/#%".contains(&byte)
}

fn fail(what: &str, at: usize) -> ScimError {
    ScimError::invalid_filter(format!("{what} at position {}.", at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_need_no_spaces_around_marks() {
        assert_eq!(
            tokens("not(a eq\"x\\\"]\")[\t.b]"),
            Ok(vec![
                Token::Word("not"),
                Token::Open,
                Token::Word("a"),
                Token::Word("eq"),
                Token::Text("x\"]".to_owned()),
                Token::Close,
                Token::OpenBracket,
                Token::Word(".b"),
                Token::CloseBracket,
            ])
        );
    }

    #[test]
    fn strings_are_json() {
        assert_eq!(tokens(r#""\ud83d\ude00\/\u0041""#), Ok(vec![Token::Text("😀/A".to_owned())]));
        for text in [r#"""#, r#""\""#, r#""\x""#, r#""\ud83d""#, "\"a\nb\"", "'a'", "a = b", "ä", "\"a\\"] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }
}
