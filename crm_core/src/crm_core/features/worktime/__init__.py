"""Working time: calendars, holidays, absences and deputies."""
