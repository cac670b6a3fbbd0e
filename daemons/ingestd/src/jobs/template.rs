//! The text of a row: `{occupation} in {area}`.

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Column(String),
}

impl Template {
    /// Parses text with columns in braces; `{{` and `}}` are literal braces.
    ///
    /// # Errors
    /// A sentence that says what is wrong, for the `detail` of a 400: a brace without its partner, an empty name, or
    /// no column at all, which would give every row the same text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let (brace, behind) = rest[at..].split_at(1);
            if behind.starts_with(brace) {
                literal.push_str(brace);
                rest = &behind[1..];
                continue;
            }
            let name = match behind.split_once('}') {
                Some((name, _)) if brace == "{" && !name.is_empty() && !name.contains('{') => name,
                _ => return Err(unbalanced(text, rest)),
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Column(name.to_owned()));
            rest = &behind[name.len() + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        let template = Self(parts);
        if template.columns().next().is_none() {
            return Err("the text_template names no column; write one in braces: {name}".to_owned());
        }
        Ok(template)
    }

    /// The columns that it names, in order, repetitions included.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Column(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// The text of a row whose column `name` reads `value_of(name)`.
    pub(crate) fn render(&self, value_of: impl Fn(&str) -> String) -> String {
        self.0.iter().fold(String::new(), |mut text, part| {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Column(name) => text.push_str(&value_of(name)),
            }
            text
        })
    }
}

fn unbalanced(text: &str, rest: &str) -> String {
    let at = text.len() - rest.len();
    format!(
        "the text_template has a brace without its partner near character {at} of {text:?}; {{{{ is a literal brace"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str) -> String {
        Template::parse(template).unwrap().render(|name| format!("<{name}>"))
    }

    #[test]
    fn columns_are_filled_in_and_doubled_braces_are_literal() {
        assert_eq!(render("{occupation} in {area}."), "<occupation> in <area>.");
        assert_eq!(render("{a}{a}"), "<a><a>");
        assert_eq!(render("{{x}} {é} }}"), "{x} <é> }");
        assert_eq!(render("{{{a}}}"), "{<a>}");
    }

    #[test]
    fn columns_are_listed_in_order() {
        assert_eq!(Template::parse("{b}, {a}").unwrap().columns().collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn template_that_cannot_be_meant_is_refused() {
        for bad in ["", "no column", "{", "}", "{a", "a}", "{}", "{a{b}", "{{a}}"] {
            assert!(Template::parse(bad).is_err(), "{bad:?} must be refused");
        }
    }
}
