//! The skeleton of a page.

use super::{Html, escape};
use std::fmt::Write;

/// The only style sheet: colours as variables, light and dark.
const STYLE: &str = include_str!("page.css");

/// A page under construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    title: String,
    kicker: String,
    head: Html,
    /// Identifier, heading, content.
    sections: Vec<(String, String, Html)>,
    script: String,
    refresh: Option<u32>,
}

impl Page {
    /// A page with a title and a line above it that says what kind of page it is.
    pub fn new(title: &str, kicker: &str) -> Page {
        Page {
            title: title.into(),
            kicker: kicker.into(),
            head: Html::default(),
            sections: vec![],
            script: String::new(),
            refresh: None,
        }
    }

    /// What stands between the title and the first section.
    pub fn lead(&mut self, content: impl IntoIterator<Item = Html>) -> &mut Page {
        self.head = Html::all(content);
        self
    }

    /// Adds a section.
    pub fn section(&mut self, heading: &str, content: impl IntoIterator<Item = Html>) -> &mut Page {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let id = format!("s{}-{}", self.sections.len() + 1, heading.chars().map(plain).collect::<String>());
        self.sections.push((id, heading.into(), Html::all(content)));
        self
    }

    /// JavaScript that runs at the end; the page must say the same without it.
    pub fn script(&mut self, script: &str) -> &mut Page {
        assert!(!script.contains("</"), "a script that would end early");
        self.script.push_str(script);
        self
    }

    /// The browser reads the page again after so many seconds: for pages of unfinished work.
    pub fn refresh(&mut self, seconds: u32) -> &mut Page {
        self.refresh = Some(seconds);
        self
    }

    /// The file.
    pub fn finish(&self) -> String {
        let title = escape(&self.title);
        let mut out = String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        out.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n");
        // Nothing is loaded, whatever a text in the page may say.
        out.push_str(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
             style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n",
        );
        if let Some(seconds) = self.refresh {
            let _ = writeln!(out, "<meta http-equiv=\"refresh\" content=\"{seconds}\">");
        }
        let _ = writeln!(out, "<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>");
        let _ = writeln!(out, "<header>\n<p class=\"kicker\">{}</p>\n<h1>{title}</h1>", escape(&self.kicker));
        let _ = writeln!(out, "{}</header>", self.head.as_str());
        if self.sections.len() > 3 {
            out.push_str("<nav>");
            for (id, heading, _) in &self.sections {
                let _ = write!(out, "<a href=\"#{id}\">{}</a> ", escape(heading));
            }
            out.push_str("</nav>\n");
        }
        for (id, heading, content) in &self.sections {
            let (heading, content) = (escape(heading), content.as_str());
            let _ = writeln!(out, "<section id=\"{id}\">\n<h2>{heading}</h2>\n{content}</section>");
        }
        out.push_str("</main>\n");
        if !self.script.is_empty() {
            let _ = writeln!(out, "<script>\n{}</script>", self.script);
        }
        out.push_str("</body>\n</html>\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::paragraph;
    use super::*;

    #[test]
    fn nothing_is_loaded_from_anywhere() {
        let mut page = Page::new("A & B", "test");
        page.section("One", [paragraph("x")]).script("document.title;\n");
        let html = page.finish();
        for loads in ["http://", "https://", "@import", "url(", "<link", " src="] {
            assert!(!html.contains(loads), "{loads}");
        }
        assert!(html.contains("<title>A &amp; B</title>") && html.contains("<h1>A &amp; B</h1>"));
        assert!(html.contains("<section id=\"s1-one\">"));
    }
}
