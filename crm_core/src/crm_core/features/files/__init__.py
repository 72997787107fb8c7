"""Files: uploads that hang on any record."""
