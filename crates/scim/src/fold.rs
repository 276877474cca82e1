//! Comparison that minds neither case nor width, for `userName` and every attribute that is not `caseExact`.
//!
//! RFC 7644 §5 asks for PRECIS preparation before comparison. What matters of it here: full-width and
//! half-width forms are the ordinary letters, composed and decomposed letters are the same, and case is
//! folded by Unicode's default rules (so `Straße` is `STRASSE`). Spaces are kept: they are data.

use std::borrow::Cow;

use caseless::Caseless;
use unicode_normalization::{UnicodeNormalization, char::decompose_compatible};

/// The key under which two texts are equal without regard to case, width and composition. Idempotent.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut narrow = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{3000}' | '\u{FF00}'..='\u{FFEF}' => decompose_compatible(c, |part| narrow.push(part)),
            _ => narrow.push(c),
        }
    }
    narrow.nfd().default_case_fold().nfc().collect()
}

/// [`fold`] that allocates only when it has to.
pub(crate) fn folded(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(fold(text))
    }
}

/// Whether two texts fold to the same key.
pub(crate) fn same(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() { a.eq_ignore_ascii_case(b) } else { fold(a) == fold(b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_the_same_name() {
        for (a, b) in [
            ("Test_User", "tEST_uSER"),
            ("Straße", "STRASSE"),
            ("ｊｏｅ＠ｘ", "joe@x"),
            ("é", "e\u{301}"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("ﾊﾟ", "パ"),
        ] {
            assert_eq!(fold(a), fold(b), "{a} {b}");
            assert!(same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn what_is_not() {
        for (a, b) in [("a ", "a"), ("İ", "i"), ("ı", "i"), ("o", "ö"), ("①", "1")] {
            assert_ne!(fold(a), fold(b), "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once.clone());
            let lazy = folded(&text);
            prop_assert_eq!(lazy.as_ref(), once.as_str());
        }
    }
}
