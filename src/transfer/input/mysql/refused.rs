//! Properties of Connector/J that would change rows, or run code of Java's: at these values they are refused by name,
//! because leaving them out would go unnoticed.

use crate::embulk::text::Text;
use crate::transfer::error::TransferError;
use crate::transfer::input::property::refused;

/// When a property is refused, what it does, and what to do instead.
struct Refusal {
    names: &'static [&'static str],
    when: When,
    because: &'static str,
    hint: &'static str,
}

/// Which values of a property are refused.
#[derive(Clone, Copy)]
enum When {
    True,
    False,
    /// Numbers above zero.
    Positive,
    /// All but names of classes with this end.
    NotEnding(&'static str),
    Always,
}

const REFUSALS: [Refusal; 10] = [
    Refusal {
        names: &["maxRows"],
        when: When::Positive,
        because: "cuts the rows off",
        hint: "write `LIMIT` into a `query`",
    },
    Refusal {
        names: &["jdbcCompliantTruncation"],
        when: When::False,
        because: "lets a value that does not fit become another one",
        hint: "take it out",
    },
    Refusal {
        names: &["blobsAreStrings", "functionsNeverReturnBlobs", "useBlobToStoreUTF8OutsideBMP"],
        when: When::True,
        because: "makes texts of bytes",
        hint: "write `value_type: string` for the columns in `column_options`",
    },
    Refusal {
        names: &["useOldAliasMetadataBehavior"],
        when: When::True,
        because: "names columns without their aliases",
        hint: "take it out",
    },
    Refusal {
        names: &[
            "noDatetimeStringSync",
            "noTimezoneConversionForDateType",
            "noTimezoneConversionForTimeType",
            "useGmtMillisForDatetimes",
            "useJDBCCompliantTimezoneShift",
            "useTimezone",
            "forceConnectionTimeZoneToSession",
        ],
        when: When::True,
        because: "moves dates and times",
        hint: "name the zone of the server with `serverTimezone`",
    },
    Refusal {
        names: &["preserveInstants"],
        when: When::False,
        because: "moves dates and times",
        hint: "name the zone of the server with `serverTimezone`",
    },
    Refusal {
        names: &["socketFactory"],
        when: When::NotEnding("StandardSocketFactory"),
        because: "names a class of Java",
        hint: "for a Unix socket write its path as `host`",
    },
    Refusal {
        names: &["localSocket", "pipe", "namedPipePath"],
        when: When::Always,
        because: "is another way to the server",
        hint: "for a Unix socket write its path as `host`",
    },
    Refusal {
        names: &["clientCertificateKeyStoreUrl", "keyStore", "trustCertificateKeyStoreUrl", "trustStore"],
        when: When::Always,
        because: "names a key store of Java",
        hint: "give files in PEM: `options: {serverSslCert: FILE}` for the authority, `sslCert` and `sslKey` for a \
               certificate of one's own",
    },
    Refusal {
        names: &[
            "connectionLifecycleInterceptors",
            "exceptionInterceptors",
            "propertiesTransform",
            "queryInterceptors",
            "statementInterceptors",
        ],
        when: When::Always,
        because: "names a class of Java",
        hint: "take it out",
    },
];

/// Refuses a property that cannot be followed. Others, and harmless values of these, pass.
pub(super) fn check(name: &str, value: &Text) -> Result<Verdict, TransferError> {
    let Some(refusal) = REFUSALS.iter().find(|refusal| refusal.names.contains(&name)) else {
        return Ok(Verdict::Unknown);
    };
    let text = value.expose().trim();
    let is_refused = match refusal.when {
        When::True => !matches!(text.to_ascii_lowercase().as_str(), "false" | "no"),
        When::False => !matches!(text.to_ascii_lowercase().as_str(), "true" | "yes"),
        When::Positive => !matches!(text.parse::<i64>(), Ok(..=0)),
        When::NotEnding(end) => !text.ends_with(end),
        When::Always => true,
    };
    if is_refused { Err(refused(name, refusal.because, refusal.hint)) } else { Ok(Verdict::Harmless) }
}

/// What is known of a property that is not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// With this value it changes nothing.
    Harmless,
    /// Nothing is known of it here.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, value: &str) -> String {
        match check(name, &value.into()) {
            Ok(verdict) => format!("{verdict:?}"),
            Err(error) => format!("{error}; {}", error.remedy().unwrap()),
        }
    }

    #[test]
    fn only_values_that_change_something_are_refused() {
        for (name, value, expected) in [
            ("maxRows", "0", "Harmless"),
            (
                "maxRows",
                "10",
                "`maxRows` in `options` cuts the rows off, which is not supported; write `LIMIT` into a `query`",
            ),
            ("jdbcCompliantTruncation", "true", "Harmless"),
            ("useTimezone", "false", "Harmless"),
            (
                "useTimezone",
                "TRUE",
                "`useTimezone` in `options` moves dates and times, which is not supported; name the zone of the \
                 server with `serverTimezone`",
            ),
            ("socketFactory", "com.mysql.jdbc.StandardSocketFactory", "Harmless"),
            (
                "socketFactory",
                "com.google.cloud.sql.mysql.SocketFactory",
                "`socketFactory` in `options` names a class of Java, which is not supported; for a Unix socket \
                 write its path as `host`",
            ),
            ("madeUp", "true", "Unknown"),
        ] {
            assert_eq!(said(name, value), expected, "{name}");
        }
    }

    #[test]
    fn no_property_is_listed_twice() {
        let mut names: Vec<_> = REFUSALS.iter().flat_map(|refusal| refusal.names).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
