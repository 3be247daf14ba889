// A file that no page names.
