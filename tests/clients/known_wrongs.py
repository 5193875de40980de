"""What each server is wrong about: scenario by scenario, with the reason. Our stand-in alone has no entry."""

_OBJECTS = {
    "an_object_is_not_made_over_another": "gcp-storage-emulator ignores ifGenerationMatch",
    "a_listing_comes_in_pages": "gcp-storage-emulator lists all objects at once",
}
_BQEMULATOR_TABLES = {
    "an_expiry_is_set_and_taken_back": "a table's expiry is ignored",
    "bytes_arrive": "BYTES of NDJSON keep the Base64 text as their bytes",
}

KNOWN_WRONGS: dict[str, dict[str, str]] = {
    "fake": {},
    "fake-before-bqemulator": {
        **_BQEMULATOR_TABLES,
        "a_column_is_added_where_allowed": "the emulator behind does not add a column by tables.patch",
        "a_decorator_replaces_one_day": "partitions as targets are tested without an emulator behind",
    },
    "fake-before-local-bigquery": {
        "a_decorator_replaces_one_day": "partitions as targets are tested without an emulator behind",
    },
    "bqemulator": {
        **_OBJECTS,
        **_BQEMULATOR_TABLES,
        "a_timestamp_has_an_offset": "only UTC is read",
        "names_may_be_of_any_script_or_reserved": "names of tables are ASCII",
        "a_truncating_load_of_no_rows_empties": "a resumable upload of no bytes never ends",
        "a_job_id_is_taken_once": "a job id can be used again",
        "a_gzip_upload_is_unpacked": "the bytes of an upload are read as text",
        "a_dataset_that_is_not_there_fails_the_load": "the job fails with 400 instead of 404",
        "an_unknown_field_fails_the_job": "unknown fields are dropped",
        "a_required_column_wants_a_value": "REQUIRED is not looked at",
        "a_failed_load_changes_nothing": "the table is emptied before the rows are read",
        "errors_name_the_file": "errors name a path of the emulator",
        "bad_rows_are_skipped_up_to_a_number": "maxBadRecords is ignored",
        "a_column_is_added_where_allowed": "a load of other columns is never refused",
        "a_decorator_replaces_one_day": "decorators are refused",
    },
    "local-bigquery": {
        **_OBJECTS,
        "a_timestamp_has_an_offset": "an offset after a space is refused",
        "a_gzip_upload_is_unpacked": "the bytes of an upload are read as text",
        "objects_are_loaded_by_wildcard": "it lists by XML, which gcp-storage-emulator does not answer",
        "an_unknown_field_fails_the_job": "unknown fields are dropped",
        "a_required_column_wants_a_value": "a load job makes every column NULLABLE",
        "errors_name_the_file": "errors give no position in the file",
        "a_decorator_replaces_one_day": "a decorator becomes a part of the table's name",
    },
}
