//! Words that stand where values could: `Forever` for a span, `Unbounded` for a number.

/// A word that stands where a value could.
macro_rules! word {
    ($module:ident, $Word:ident) => {
        pub(super) mod $module {
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            #[derive(Serialize, Deserialize)]
            enum Word {
                $Word,
            }

            pub(in crate::policy::dispatch) fn serialize<S: Serializer>(
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                Word::$Word.serialize(serializer)
            }

            pub(in crate::policy::dispatch) fn deserialize<'de, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<(), D::Error> {
                Word::deserialize(deserializer).map(|Word::$Word| ())
            }
        }
    };
}

word!(forever, Forever);
word!(uncapped, Uncapped);
word!(off, Off);
word!(unbounded, Unbounded);
