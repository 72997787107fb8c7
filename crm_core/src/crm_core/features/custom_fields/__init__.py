"""Custom fields: fields of records that administrators define."""
