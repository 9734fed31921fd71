"""express-session as the measure: what it was observed to do, where Coatcheck differs, and why."""
