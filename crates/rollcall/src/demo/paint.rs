//! Colours on a terminal, none elsewhere, and rows that fit 80 columns, or a wider terminal.

use std::io::{IsTerminal as _, Write as _};

/// The width that everything fits.
pub(crate) const WIDTH: usize = 80;

/// On a terminal that has more, so much is used: longer rows are hard to follow.
const WIDEST: usize = 120;

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Plain,
    Bold,
    Dim,
    Good,
    Bad,
    Event,
}

/// Writes the demo's lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    colour: bool,
    /// The columns of a row.
    pub(crate) width: usize,
}

impl Paint {
    /// Colours if standard output is a terminal and `NO_COLOR` is not set.
    pub(crate) fn for_stdout() -> Self {
        let columns =
            rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col));
        Self {
            colour: std::io::stdout().is_terminal() && !crate::telemetry::no_color(),
            width: width(columns),
        }
    }

    /// No colours.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { colour: false, width: WIDTH };

    /// `text` in this look.
    pub(crate) fn on(self, look: Look, text: &str) -> String {
        let code = match look {
            Look::Plain => return text.to_owned(),
            _ if !self.colour || text.is_empty() => return text.to_owned(),
            Look::Bold => "1",
            Look::Dim => "2",
            Look::Good => "32",
            Look::Bad => "1;31",
            Look::Event => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A row of [`width`](Self::width) columns: `mark` and `left`, cut if they must be, and `right` at the end.
    pub(crate) fn row(self, mark: (Look, &str), left: (Look, &str), right: &str) -> String {
        let taken = mark.1.chars().count() + if right.is_empty() { 0 } else { right.chars().count() + 2 };
        let room = self.width.saturating_sub(taken);
        let text = cut(left.1, room);
        let mut row = format!("{}{}", self.on(mark.0, mark.1), self.on(left.0, &text));
        if !right.is_empty() {
            let gap = room - text.chars().count() + 2;
            row.push_str(&" ".repeat(gap));
            row.push_str(&self.on(Look::Dim, right));
        }
        row
    }

    /// A rule with a title.
    pub(crate) fn rule(self, title: &str) -> String {
        let title = cut(title, self.width - 8);
        let rest = self.width - 4 - title.chars().count();
        format!(
            "\n{} {} {}",
            self.on(Look::Dim, "──"),
            self.on(Look::Bold, &title),
            self.on(Look::Dim, &"─".repeat(rest))
        )
    }

    /// Prints a line. A closed pipe is nobody watching, not an error.
    pub(crate) fn print(self, line: &str) {
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    }
}

/// The columns of a row on a terminal of this width, or without one.
fn width(columns: Option<usize>) -> usize {
    columns.map_or(WIDTH, |columns| columns.clamp(WIDTH, WIDEST))
}

/// At most `room` characters of `text`; `…` stands for the rest. Control characters, which could
/// paint over the screen, are shown as `·`.
pub(crate) fn cut(text: &str, room: usize) -> String {
    let clean = |c: char| if c.is_control() { '·' } else { c };
    if text.chars().count() <= room {
        return text.chars().map(clean).collect();
    }
    let mut short: String = text.chars().map(clean).take(room.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_80_columns_whatever_is_in_them() {
        let long = "x".repeat(200);
        for (left, right) in
            [("short", "200"), (long.as_str(), "200"), (long.as_str(), ""), ("\x1b[2J", "1 ms")]
        {
            let row = Paint::PLAIN.row((Look::Good, "→ "), (Look::Plain, left), right);
            let width = row.chars().count();
            assert!(width == WIDTH || (right.is_empty() && width <= WIDTH), "{width}: {row}");
            assert!(row.ends_with(right) && !row.contains('\x1b'), "{row}");
        }
        let coloured =
            Paint { colour: true, ..Paint::PLAIN }.row((Look::Good, "✓ "), (Look::Plain, "a"), "b");
        let wide = Paint { width: 100, ..Paint::PLAIN };
        assert_eq!(wide.row((Look::Good, "→ "), (Look::Plain, &long), "200").chars().count(), 100);
        assert_eq!(wide.rule("title").chars().count(), 1 + 100);
        assert!(coloured.starts_with("\x1b[32m✓ \x1b[0ma "), "{coloured:?}");
    }

    #[test]
    fn a_wide_terminal_is_used_and_a_narrow_one_does_not_cut() {
        let table = [(None, 80), (Some(0), 80), (Some(60), 80), (Some(100), 100), (Some(300), 120)];
        for (columns, expected) in table {
            assert_eq!(width(columns), expected, "{columns:?}");
        }
    }
}
