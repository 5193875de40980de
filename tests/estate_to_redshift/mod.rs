//! 13 databases, 280 tables, every night to S3 and to Redshift, as a team has it.

mod estate;
mod lists;
mod source;

use self::estate::Estate;

#[test]
fn every_table_of_the_night_arrives_cell_by_cell() {
    let Some(estate) = Estate::new() else { return };
    let said = estate.run(&["run", "nightly.dig"]).expect_code(0);
    assert!(said.stderr.contains("280"), "{}", said.stderr);
    estate.assert_all_arrived();
}
