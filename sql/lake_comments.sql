COMMENT ON FUNCTION @extschema@.rs_load_lake(text) IS
'Rebuilds an empty warehouse from the lake alone: the folder, or retailscope.lake_dir. Refresh the marts afterwards.';
COMMENT ON FUNCTION @extschema@.rs_export_lake(text) IS
'Writes the facts as Hive-partitioned Parquet (year=YYYY/month=MM): into an empty folder, or without an argument those batches into retailscope.lake_dir that are not there yet.';
COMMENT ON FUNCTION @extschema@.rs_lake_status() IS
'Reads every lake file and compares rows, money and checksum with what was written.';
COMMENT ON FUNCTION @extschema@.rs_lake_sweep() IS
'Mends what a crash left in the lake''s folder: committed files get their names, remains of unfinished work are deleted.';
COMMENT ON FUNCTION @extschema@.rs_create_warehouse() IS
'Creates what is missing of the tables, views, comments and standard rules of the schema retailscope, as the calling user''s. CREATE EXTENSION calls it; it is safe to call again.';
