//! Reading: from a text to a file of the format, past values that are wrong.
//!
//! A mistake in syntax stops the parser. Odds of `"200%"` are no such mistake: the text is sound, only
//! the value is not. So the value is noted, something harmless is read in its place, and whatever else
//! is wrong with the file is reported together with it.

use ron::error::Error;
use ron::extensions::Extensions;

use super::diagnostic::{Diagnostic, from_ron_error};
use super::file::ScenarioFile;
use super::source::{Place, Source};

/// What is read in the place of a wrong value: odds, a span, a number.
const HARMLESS: [&str; 3] = ["\"1%\"", "\"1s\"", "1"];

/// A file, and the values in it that are wrong: what was read in their places means nothing.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) file: ScenarioFile,
    pub(super) wrong: Vec<Diagnostic>,
}

/// Reads a text; all that is known to be wrong when it cannot be read to its end.
pub(super) fn read(source: &Source) -> Result<Read, Vec<Diagnostic>> {
    let mut text = Mended { text: source.text().to_owned(), edits: Vec::new() };
    let mut wrong = Vec::new();
    loop {
        let Err((diagnostic, is_value)) = text.parse(source) else { break };
        let place = text.in_source(source, diagnostic.place);
        let mended = is_value.then(|| text.mended(source, diagnostic.place)).flatten();
        wrong.push(Diagnostic { place, ..diagnostic });
        let Some(mended) = mended else { return Err(wrong) };
        text = mended;
    }
    match text.parse(source) {
        Ok(file) => Ok(Read { file, wrong }),
        Err(_) => Err(wrong),
    }
}

/// A text whose wrong values so far were replaced.
struct Mended {
    text: String,
    /// Where it was mended, and how much longer it became there.
    edits: Vec<(usize, isize)>,
}

impl Mended {
    /// Reads it, or says what is wrong, in its own places, and whether it is just a value.
    fn parse(&self, source: &Source) -> Result<ScenarioFile, (Diagnostic, bool)> {
        let extensions = Extensions::IMPLICIT_SOME | Extensions::UNWRAP_VARIANT_NEWTYPES;
        let options = ron::Options::default().with_default_extension(extensions);
        options.from_str(&self.text).map_err(|error| {
            let is_value = matches!(
                error.code,
                Error::Message(_) | Error::InvalidValueForType { .. } | Error::IntegerOutOfBounds
            );
            (from_ron_error(&Source::new(source.name(), &self.text), &error), is_value)
        })
    }

    /// The same with the value at this place replaced, by what is not wrong there.
    fn mended(&self, source: &Source, place: Place) -> Option<Self> {
        let (before, after) = (self.text.get(..place.start)?, self.text.get(place.end..)?);
        let old = isize::try_from(place.end - place.start).ok()?;
        HARMLESS.iter().find_map(|new| {
            let grown = isize::try_from(new.len()).ok()? - old;
            let moved = self.edits.iter().map(|(at, by)| {
                (if *at > place.start { at.saturating_add_signed(grown) } else { *at }, *by)
            });
            let edits = moved.chain([(place.start, grown)]).collect();
            let mended = Self { text: [before, new, after].concat(), edits };
            let is_wrong_there =
                |(diagnostic, _): (Diagnostic, bool)| diagnostic.place.start == place.start;
            (!mended.parse(source).is_err_and(is_wrong_there)).then_some(mended)
        })
    }

    /// A place in the user's text.
    fn in_source(&self, source: &Source, place: Place) -> Place {
        let moved = |at: usize| {
            let before = self.edits.iter().filter(|(edit, _)| *edit < at);
            at.saturating_add_signed(-before.map(|(_, grown)| *grown).sum::<isize>())
        };
        source.stretch(moved(place.start)..moved(place.end))
    }
}
