//! What went not quite as meant while a card was filled: a missing field, a list that was cut.

/// Sentences for the author, each once, and only so many: a payload cannot fill the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Warnings {
    sentences: Vec<String>,
}

impl Warnings {
    /// Sentences kept; later ones are dropped.
    pub const MOST: usize = 40;
    /// Characters kept of one sentence.
    pub const LONGEST: usize = 300;

    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sentence unless it is there already or there are too many.
    pub fn add(&mut self, sentence: impl Into<String>) {
        let mut sentence = sentence.into();
        if let Some((cut, _)) = sentence.char_indices().nth(Self::LONGEST) {
            sentence.truncate(cut);
            sentence.push('…');
        }
        if self.sentences.len() < Self::MOST && !self.sentences.contains(&sentence) {
            self.sentences.push(sentence);
        }
    }

    /// Nothing was noticed.
    pub fn is_empty(&self) -> bool {
        self.sentences.is_empty()
    }

    /// The sentences, first noticed first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.sentences.iter().map(String::as_str)
    }

    /// The sentences, first noticed first.
    pub fn into_vec(self) -> Vec<String> {
        self.sentences
    }
}
