struct Twice {
};
