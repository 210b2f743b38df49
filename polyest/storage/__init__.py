"""Tables on disk: the record, its schema, the folders, loading."""
