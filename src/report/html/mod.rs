//! Pages that stand alone: one file, no network, no framework, light and dark, from a phone's width up.
//!
//! [`Html`] is markup that is known to be sound: text becomes markup by [`text`], which escapes it, and by nothing
//! else. Pictures are `data:` URIs, charts are inline SVG ([`Chart`]). Equal contents make equal bytes.
//!
//! ```
//! use gansaku::report::html::{Page, Table, paragraph};
//! let mut page = Page::new("A run", "digits");
//! page.section("Numbers", vec![
//!     paragraph("Measured on <10,000> samples."),
//!     Table::new(&["", "nats"]).row(&["real data", "242.5"]).html(),
//! ]);
//! assert!(page.finish().contains("&lt;10,000&gt;"));
//! ```

mod axis;
mod chart;
mod page;
mod pixels;
mod plot;

pub use chart::{Chart, Series, thinned};
pub use page::Page;
pub use pixels::image;
pub use plot::{MOST_DOTS, Plot, density};

use std::fmt::Write;

/// Sound markup.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Html(String);

impl Html {
    /// Markup that the caller vouches for: every text in it went through [`escape`].
    pub fn vouched(markup: impl Into<String>) -> Html {
        Html(markup.into())
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Pieces, one after the other.
    pub fn all(pieces: impl IntoIterator<Item = Html>) -> Html {
        Html(pieces.into_iter().map(|p| p.0).collect())
    }
}

/// Text as it may stand in markup and in double-quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // HTML has no way to write the other control characters.
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Plain text.
pub fn text(text: &str) -> Html {
    Html(escape(text))
}

/// An element around markup; `class` may be empty.
pub fn element(tag: &str, class: &str, inside: Html) -> Html {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{}\"", escape(class)) };
    Html(format!("<{tag}{class}>{}</{tag}>\n", inside.0))
}

/// A paragraph of plain text.
pub fn paragraph(words: &str) -> Html {
    element("p", "", text(words))
}

/// Bold text in a line.
pub fn strong(words: &str) -> Html {
    Html(format!("<strong>{}</strong>", escape(words)))
}

/// A command or a name in a line.
pub fn code(words: &str) -> Html {
    Html(format!("<code>{}</code>", escape(words)))
}

/// Text in which commands stand between backticks, as in what the terminal says.
pub fn marked(words: &str) -> Html {
    let piece = |(i, part)| if i % 2 == 1 { code(part) } else { text(part) };
    Html::all(words.split('`').enumerate().map(piece))
}

/// Lines as they are: a configuration, commands to type.
pub fn listing(words: &str) -> Html {
    Html(format!("<pre><code>{}</code></pre>\n", escape(words)))
}

/// A list of points.
pub fn list(points: impl IntoIterator<Item = Html>) -> Html {
    let points = points.into_iter().map(|p| Html(format!("<li>{}</li>\n", p.0)));
    element("ul", "", Html::all(points))
}

/// What is looked at when somebody asks for it.
pub fn folded(summary: &str, inside: Html) -> Html {
    Html(format!("<details><summary>{}</summary>\n{}</details>\n", escape(summary), inside.0))
}

/// How grave something is: its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// To be looked at.
    Warning,
    /// Wrong.
    Bad,
    /// Neither.
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Warning => "warning",
            Tone::Bad => "bad",
            Tone::Plain => "plain",
        }
    }
}

/// A short word in a coloured frame.
pub fn badge(tone: Tone, words: &str) -> Html {
    Html(format!("<span class=\"badge {}\">{}</span>", tone.class(), escape(words)))
}

/// A box with a coloured edge: a verdict and what to know of it.
pub fn callout(tone: Tone, inside: Html) -> Html {
    element("div", &format!("callout {}", tone.class()), inside)
}

/// Something to look at, and what it shows.
pub fn figure(content: Html, caption: &str) -> Html {
    let caption = element("figcaption", "", text(caption));
    element("figure", "", Html::all([content, caption]))
}

/// Figures below each other, captions beside them where there is room: for pictures that are as wide as a text.
pub fn sheets(figures: impl IntoIterator<Item = Html>) -> Html {
    element("div", "sheets", Html::all(figures))
}

/// A link to elsewhere; nothing is loaded before somebody follows it.
pub fn link(to: &str, words: &str) -> Html {
    Html(format!("<a href=\"{}\">{}</a>", escape(to), escape(words)))
}

/// Text in which papers' numbers at arXiv, such as 1406.2661, are links.
pub fn cited(words: &str) -> Html {
    let digits = |part: &str, n: std::ops::RangeInclusive<usize>| {
        n.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    let is_paper = |word: &str| {
        word.split_once('.').is_some_and(|(month, number)| {
            let is_month = digits(month, 4..=4) && ("01"..="12").contains(&&month[2..]);
            is_month && digits(number, 4..=5) && ("07".."40").contains(&&month[..2])
        })
    };
    let (mut out, mut rest) = (String::new(), words);
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let end =
            rest[start..].find(|c: char| !c.is_ascii_digit() && c != '.').map_or(rest.len(), |n| start + n);
        let word = rest[start..end].trim_end_matches('.');
        out += &escape(&rest[..start]);
        out += &if is_paper(word) {
            link(&format!("https://arxiv.org/abs/{word}"), word).0
        } else {
            escape(word)
        };
        rest = &rest[start + word.len()..];
    }
    Html(out + &escape(rest))
}

/// Figures side by side where there is room, below each other on a phone.
pub fn gallery(figures: impl IntoIterator<Item = Html>) -> Html {
    element("div", "gallery", Html::all(figures))
}

/// A table: the first column names, the others hold numbers. Wide ones scroll within the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<(bool, Vec<Html>)>,
}

impl Table {
    /// A table with these column heads.
    pub fn new(header: &[&str]) -> Table {
        Table { header: header.iter().map(ToString::to_string).collect(), rows: vec![] }
    }

    /// Adds a row of plain text.
    #[must_use]
    pub fn row(self, cells: &[&str]) -> Table {
        self.row_of(cells.iter().map(|c| text(c)).collect())
    }

    /// Adds a row of markup.
    #[must_use]
    pub fn row_of(mut self, cells: Vec<Html>) -> Table {
        self.rows.push((false, cells));
        self
    }

    /// Adds a row that the table is about, set apart from what it is compared with.
    #[must_use]
    pub fn row_emphasised(mut self, cells: &[&str]) -> Table {
        self.rows.push((true, cells.iter().map(|c| text(c)).collect()));
        self
    }

    /// The markup.
    pub fn html(&self) -> Html {
        let mut out = String::from("<div class=\"scroll\"><table>\n");
        if self.header.iter().any(|h| !h.is_empty()) {
            out.push_str("<thead><tr>");
            for head in &self.header {
                let _ = write!(out, "<th scope=\"col\">{}</th>", escape(head));
            }
            out.push_str("</tr></thead>\n");
        }
        out.push_str("<tbody>\n");
        for (emphasised, cells) in &self.rows {
            out.push_str(if *emphasised { "<tr class=\"emphasised\">" } else { "<tr>" });
            for (i, cell) in cells.iter().enumerate() {
                let _ = match i {
                    0 => write!(out, "<th scope=\"row\">{}</th>", cell.0),
                    _ => write!(out, "<td>{}</td>", cell.0),
                };
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody></table></div>\n");
        Html(out)
    }
}

/// Names and what they stand for, in two columns.
pub fn definitions(pairs: impl IntoIterator<Item = (String, Html)>) -> Html {
    let pairs = pairs
        .into_iter()
        .map(|(name, what)| Html(format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(&name), what.0)));
    element("dl", "", Html::all(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_between_backticks_become_code() {
        let found = marked("say `a < b`, then `c`.");
        assert_eq!(found.0, "say <code>a &lt; b</code>, then <code>c</code>.");
        assert_eq!(marked("nothing").0, "nothing");
    }

    #[test]
    fn papers_are_links_and_other_numbers_are_not() {
        let found = cited("(1406.2661, Figure 1); 0.1234 of 2500.1, 1399.2661 and 1801.04406.").0;
        let a = |id: &str| format!("<a href=\"https://arxiv.org/abs/{id}\">{id}</a>");
        let expected =
            format!("({}, Figure 1); 0.1234 of 2500.1, 1399.2661 and {}.", a("1406.2661"), a("1801.04406"));
        assert_eq!(found, expected);
    }

    #[test]
    fn no_text_becomes_markup() {
        let nasty = "<script>alert(\"1\" & '2')</script>\u{0}";
        let safe = "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;\u{fffd}";
        assert_eq!(escape(nasty), safe);
        let table = Table::new(&[nasty, nasty]).row(&[nasty, nasty]).html();
        let dl = definitions([(nasty.to_string(), text(nasty))]);
        let chart = Chart::new(nasty).series(Series::line(nasty, vec![[0.0, 1.0], [1.0, 2.0]])).html();
        let all = [
            paragraph(nasty),
            code(nasty),
            strong(nasty),
            listing(nasty),
            folded(nasty, text(nasty)),
            badge(Tone::Good, nasty),
            figure(image(b"", nasty, true), nasty),
            table,
            dl,
            chart,
        ];
        for html in all {
            assert!(!html.as_str().contains("<script"), "{html:?}");
            assert!(html.as_str().contains("&lt;script"), "{html:?}");
        }
    }
}
