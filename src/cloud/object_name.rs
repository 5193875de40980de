//! Which names objects may have. Stores refuse others too, but in words of their own, and only after the rows were read.

/// A store of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectStoreKind {
    S3,
    CloudStorage,
}

/// Both stores: bytes of UTF-8.
const LONGEST: usize = 1024;

/// What is wrong with a name, as the end of a sentence that begins with it. S3:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>; Cloud Storage:
/// <https://cloud.google.com/storage/docs/objects#naming>. Line ends and NUL are refused for both: lists of objects in XML
/// cannot hold them all, so that what is written would not be found again.
pub fn check(name: &str, kind: ObjectStoreKind) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("is empty");
    }
    if name.len() > LONGEST {
        return Err("is longer than 1,024 bytes");
    }
    if name.contains(['\0', '\n', '\r']) {
        return Err("holds a line end or NUL");
    }
    let is_googles = matches!(name, "." | "..") || name.starts_with(".well-known/acme-challenge/");
    if kind == ObjectStoreKind::CloudStorage && is_googles {
        return Err("is none that Cloud Storage takes");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_store_takes_are_refused() {
        use ObjectStoreKind::{CloudStorage, S3};
        let long = "é".repeat(512);
        for name in ["a", "../x", "a`'\";--b", "日本/🔑", long.as_str()] {
            assert_eq!((check(name, S3), check(name, CloudStorage)), (Ok(()), Ok(())), "{name}");
        }
        for (name, reason) in [
            (long.clone() + "a", "is longer than 1,024 bytes"),
            ("a\0b".to_owned(), "holds a line end or NUL"),
            ("a\nb".to_owned(), "holds a line end or NUL"),
            (String::new(), "is empty"),
        ] {
            assert_eq!((check(&name, S3), check(&name, CloudStorage)), (Err(reason), Err(reason)));
        }
        assert_eq!(check("..", S3), Ok(()));
        for name in ["..", ".well-known/acme-challenge/x"] {
            assert_eq!(check(name, CloudStorage), Err("is none that Cloud Storage takes"));
        }
    }
}
