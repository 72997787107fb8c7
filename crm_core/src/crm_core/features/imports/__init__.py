"""Import of CSV and XLSX files through the API."""
