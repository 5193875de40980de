//! Keys of objects, and how messages show them: a bucket or a prefix may come from a secret.

use crate::embulk::output::FileOutput;
use crate::embulk::text::Text;

/// The key of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::transfer::output) struct Key {
    /// As the store knows it.
    pub(in crate::transfer::output) real: String,
    /// As messages, the log and the state have it.
    pub(in crate::transfer::output) shown: String,
}

/// The names of the objects of one output.
#[derive(Debug, Clone)]
pub(in crate::transfer::output) struct Names {
    scheme: &'static str,
    bucket: Text,
    prefix: Text,
}

impl Names {
    /// Names below a prefix of a bucket; `scheme` is what addresses begin with.
    pub(in crate::transfer::output) fn new(scheme: &'static str, bucket: &Text, prefix: &Text) -> Self {
        Self { scheme, bucket: bucket.clone(), prefix: prefix.clone() }
    }

    pub(in crate::transfer::output) fn bucket(&self) -> &Text {
        &self.bucket
    }

    pub(in crate::transfer::output) fn prefix(&self) -> &str {
        self.prefix.expose()
    }

    /// The key of an object by the numbers of its task and of the object in the task, from 0.
    pub(in crate::transfer::output) fn key(&self, files: &FileOutput, task: usize, file: usize) -> Key {
        let rest = format!("{}{}", files.sequence.text(task, file), files.file_ext);
        self.below(&rest)
    }

    /// A key that the store listed.
    pub(in crate::transfer::output) fn listed(&self, real: String) -> Key {
        match real.strip_prefix(self.prefix.expose()) {
            Some(rest) => self.below(rest),
            None => Key { shown: real.clone(), real },
        }
    }

    /// A key that an earlier attempt recorded as it is shown; none when it belongs to another bucket or prefix.
    pub(in crate::transfer::output) fn recorded(&self, bucket: &str, shown: &str) -> Option<Key> {
        let rest = shown.strip_prefix(self.prefix.shown()).filter(|_| bucket == self.bucket.shown())?;
        Some(self.below(rest))
    }

    /// A key below the prefix.
    pub(in crate::transfer::output) fn below(&self, rest: &str) -> Key {
        Key {
            real: format!("{}{rest}", self.prefix.expose()),
            shown: format!("{}{rest}", self.prefix.shown()),
        }
    }

    /// `s3://bucket/key`
    pub(in crate::transfer::output) fn address(&self, key: &Key) -> String {
        format!("{}://{}/{}", self.scheme, self.bucket.shown(), key.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_secret_prefix_is_used_and_not_shown() {
        let prefix = Text::Secret(Secret::new("hidden/orders"));
        let names = Names::new("s3", &Text::plain("lake"), &prefix);
        let key = names.listed("hidden/orders.001.00.csv".to_owned());
        assert_eq!(names.address(&key), "s3://lake/….001.00.csv");
        assert_eq!(names.recorded("lake", &key.shown), Some(key));
        assert_eq!(names.recorded("pond", "….001.00.csv"), None);
    }
}
