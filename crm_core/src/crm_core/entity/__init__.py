"""Entities: what one declaration gives - fields, rights, filters, lists, changes, search, import and export."""
