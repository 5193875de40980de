//! Which byte of which template a rendered byte came from.

use std::sync::Arc;

use crate::diagnostic::{Source, Span};

/// Marks where stretches of a rendered text start and what they are.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    sources: Vec<Arc<Source>>,
    marks: Vec<Mark>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    /// First byte in the rendered text.
    at: usize,
    source: usize,
    /// First byte in the template.
    from: usize,
    stretch: Stretch,
}

/// How rendered bytes relate to the template's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stretch {
    /// Byte by byte.
    Literal,
    /// All of them come from a tag or output of so many bytes.
    Computed { length: usize },
}

impl Origins {
    pub(super) fn source(&mut self, source: &Arc<Source>) -> usize {
        if let Some(at) = self.sources.iter().position(|known| Arc::ptr_eq(known, source)) {
            return at;
        }
        self.sources.push(Arc::clone(source));
        self.sources.len() - 1
    }

    pub(super) fn mark(&mut self, at: usize, source: usize, from: usize, stretch: Stretch) {
        self.marks.push(Mark { at, source, from, stretch });
    }

    /// Forgets marks from a byte of the rendered text on.
    pub(super) fn truncate(&mut self, at: usize) {
        while self.marks.last().is_some_and(|mark| mark.at >= at) {
            self.marks.pop();
        }
    }

    fn of(&self, at: usize) -> Option<&Mark> {
        let after = self.marks.partition_point(|mark| mark.at <= at);
        self.marks[..after].last()
    }

    /// The place in a template of a stretch of the rendered text; none when nothing was rendered.
    pub fn place(&self, start: usize, end: usize) -> Option<Span> {
        let first = self.of(start).or_else(|| self.marks.first())?;
        let source = self.sources.get(first.source)?;
        let from = match first.stretch {
            Stretch::Literal => first.from + start.saturating_sub(first.at),
            Stretch::Computed { length } => return Some(Span::new(source, first.from, first.from + length)),
        };
        let last = self.of(end.saturating_sub(1).max(start)).unwrap_or(first);
        let to = match last.stretch {
            _ if last.source != first.source || last.from < first.from => from,
            Stretch::Literal => last.from + end.saturating_sub(last.at),
            Stretch::Computed { length } => last.from + length,
        };
        Some(Span::new(source, from, to))
    }

    /// Whether a stretch of the rendered text holds anything that was computed.
    pub fn is_computed(&self, start: usize, end: usize) -> bool {
        let from = self.marks.partition_point(|mark| mark.at <= start).saturating_sub(1);
        self.marks[from.min(self.marks.len())..]
            .iter()
            .take_while(|mark| mark.at < end.max(start + 1))
            .any(|mark| mark.stretch != Stretch::Literal)
    }
}
