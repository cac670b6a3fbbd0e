//! The texts before which an answer ends.

/// Passes text on until a stop text comes, and holds back what may be the beginning of one.
#[derive(Debug)]
pub(crate) struct Stops {
    texts: Vec<String>,
    held: String,
}

impl Stops {
    pub(crate) fn new(texts: &[String]) -> Self {
        let texts = texts.iter().filter(|text| !text.is_empty()).cloned().collect();
        Self { texts, held: String::new() }
    }

    /// What can be said after `piece`, and whether a stop text has come: what follows it is dropped.
    pub(crate) fn push(&mut self, piece: &str) -> (String, bool) {
        self.held.push_str(piece);
        if let Some(end) = self.texts.iter().filter_map(|text| self.held.find(text)).min() {
            self.held.truncate(end);
            return (std::mem::take(&mut self.held), true);
        }
        let certain = self.held.len() - self.begun();
        let rest = self.held.split_off(certain);
        (std::mem::replace(&mut self.held, rest), false)
    }

    /// What was held back: the answer is over, and no stop text can come.
    pub(crate) fn rest(self) -> String {
        self.held
    }

    /// Bytes at the end of the held text with which a stop text may begin.
    fn begun(&self) -> usize {
        let of_text = |text: &String| {
            let starts = text.char_indices().map(|(place, _)| place).filter(|&place| place > 0);
            starts.filter(|&place| self.held.ends_with(&text[..place])).max().unwrap_or(0)
        };
        self.texts.iter().map(of_text).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is said of `pieces`, and whether it was stopped.
    fn said(texts: &[String], pieces: &[String]) -> (String, bool) {
        let (mut stops, mut said) = (Stops::new(texts), String::new());
        for piece in pieces {
            let (text, is_over) = stops.push(piece);
            said.push_str(&text);
            if is_over {
                return (said, true);
            }
        }
        (said + &stops.rest(), false)
    }

    #[test]
    fn text_that_may_become_a_stop_text_is_held_back_until_it_has_not() {
        let mut stops = Stops::new(&["\n\nUser".into()]);
        assert_eq!(stops.push("Hi\n"), ("Hi".into(), false));
        assert_eq!(stops.push("\nUs"), (String::new(), false));
        assert_eq!(stops.push("ing"), ("\n\nUsing".into(), false));
        assert_eq!(stops.push("é\n\nUser: x"), ("é".into(), true));
    }

    proptest! {
        #[test]
        fn answer_ends_before_the_first_stop_text_however_it_comes_in_pieces(
            texts in prop::collection::vec("[abé]{0,3}", 0..3),
            pieces in prop::collection::vec("[abé]{0,3}", 0..12),
        ) {
            let whole = pieces.concat();
            let end = texts.iter().filter(|text| !text.is_empty()).filter_map(|text| whole.find(text)).min();
            let expected = end.map_or((whole.clone(), false), |end| (whole[..end].to_owned(), true));
            // One that is whole may begin after another that is longer and comes later.
            let (said, is_over) = said(&texts, &pieces);
            prop_assert_eq!(is_over, expected.1);
            prop_assert!(whole.starts_with(&said));
            prop_assert!(texts.iter().all(|text| text.is_empty() || !said.contains(text.as_str())));
            prop_assert!(said.len() >= expected.0.len());
        }
    }
}
