// One of two files of this name.
