"""Everything that reads DICOM, pictures, films and pages; it knows no database, no storage and no HTTP."""
