"""Activities: tasks, calls, meetings, notes and e-mail notes on any record."""
