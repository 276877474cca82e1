//! From the common form of a statement to PostgreSQL's.
//!
//! Two forms differ. `json_each($n)`, a JSON array as rows with a `value` (SQLite's table-valued
//! function), is `jsonb_array_elements_text` there, whose values are text: cast them where they are
//! numbers. `CROSS JOIN … ON`, by which SQLite is told to keep the order of the tables, is a `JOIN`
//! whose order PostgreSQL finds by itself; it always has its `ON`.

/// The statement for PostgreSQL.
pub(super) fn postgres(sql: &str) -> String {
    let mut text = sql.replace("CROSS JOIN", "JOIN");
    while let Some(start) = text.find("json_each(") {
        let open = start + "json_each".len();
        let Some(length) = text[open..].find(')') else { break };
        let parameter = text[open + 1..open + length].to_owned();
        text.replace_range(
            start..=open + length,
            &format!("jsonb_array_elements_text({parameter}::text::jsonb)"),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_put_into_its_words() {
        for (common, expected) in [
            ("SELECT 1 WHERE a = $1", "SELECT 1 WHERE a = $1"),
            (
                "SELECT u.id FROM json_each($1) j CROSS JOIN users u ON u.id = j.value WHERE u.k = $2",
                "SELECT u.id FROM jsonb_array_elements_text($1::text::jsonb) j JOIN users u ON u.id = j.value WHERE u.k = $2",
            ),
            (
                "x IN (SELECT CAST(value AS BIGINT) FROM json_each($3)) OR y IN (SELECT value FROM json_each($2))",
                "x IN (SELECT CAST(value AS BIGINT) FROM jsonb_array_elements_text($3::text::jsonb)) OR y IN (SELECT value FROM jsonb_array_elements_text($2::text::jsonb))",
            ),
        ] {
            assert_eq!(postgres(common), expected);
        }
    }
}
