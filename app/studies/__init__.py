"""What arrived: studies, series, instances, documents, and the one door they come in by."""
