package dev.holdfast.cache.validation;

/** How a check ended. */
enum Mark {
    OK("ok"),
    WARNING("warn"),
    FAILED("FAIL"),
    /** Nobody asked for it, or what failed before makes it impossible. */
    SKIPPED("skip");

    private final String word;

    Mark(String word) {
        this.word = word;
    }

    /** What stands at the beginning of a line: ASCII, since a console's encoding is not known. */
    String word() {
        return word;
    }
}
