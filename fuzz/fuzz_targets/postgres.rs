//! What a server of PostgreSQL's make sends for COPY in binary form: two bytes say which types and how it is cut; a
//! stream without the signature gets one, so that what lies behind it is reached.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sync::transfer::input::BytesRule;
use sync::transfer::input::postgres::bench::CopyDecoder;
use tokio_postgres::types::Type;

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

fn types() -> Vec<(Type, i32)> {
    let plain = [
        Type::BOOL,
        Type::INT2,
        Type::INT4,
        Type::INT8,
        Type::OID,
        Type::FLOAT4,
        Type::FLOAT8,
        Type::NUMERIC,
        Type::MONEY,
        Type::TEXT,
        Type::JSONB,
        Type::UUID,
        Type::BYTEA,
        Type::DATE,
        Type::TIME,
        Type::TIMETZ,
        Type::TIMESTAMP,
        Type::TIMESTAMPTZ,
        Type::INTERVAL,
        Type::TEXT_ARRAY,
        Type::NUMERIC_ARRAY,
        Type::BOX_ARRAY,
        Type::BIT,
    ];
    let mut types: Vec<_> = plain.into_iter().map(|kind| (kind, -1)).collect();
    types.extend([(Type::BIT, 1), (Type::NUMERIC, (10 << 16 | 3) + 4), (Type::VARCHAR, 14)]);
    types
}

fuzz_target!(|bytes: &[u8]| {
    let [which, cut, stream @ ..] = bytes else { return };
    let types = types();
    let which = usize::from(*which);
    // One column of each type, or two of neighbours.
    let first = which % types.len();
    let described: Vec<_> = (0..=which / types.len() % 2).map(|at| types[(first + at) % types.len()].clone()).collect();
    let rule = if which >= 2 * types.len() { BytesRule::Accept } else { BytesRule::Refuse };
    let with_header = [HEADER, stream].concat();
    for stream in [stream, &with_header] {
        let whole = CopyDecoder::new(&described, rule).decode([stream]);
        let size = usize::from(*cut).max(1);
        let cut = CopyDecoder::new(&described, rule).decode(stream.chunks(size));
        assert_eq!(whole.1, cut.1, "how it is cut makes a difference");
        if whole.1.is_ok() {
            assert_eq!(whole.0.rows, cut.0.rows);
        }
        for column in &whole.0.columns {
            assert!(whole.1.is_err() || column.len() == whole.0.rows);
        }
    }
});
