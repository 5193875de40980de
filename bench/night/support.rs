//! What of the tests makes sources, a bucket and a warehouse.

#[path = "../../tests/support/bigquery.rs"]
pub mod bigquery;
#[path = "../../tests/support/http.rs"]
pub mod http;
#[path = "../../tests/support/postgres.rs"]
pub mod postgres;
#[path = "../../tests/support/redshift.rs"]
pub mod redshift;
#[path = "../../tests/support/s3.rs"]
pub mod s3;
#[path = "../../tests/support/sandbox.rs"]
pub mod sandbox;
#[path = "../../tests/support/servers.rs"]
pub mod servers;
