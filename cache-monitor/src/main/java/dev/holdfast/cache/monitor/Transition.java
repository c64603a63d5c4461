package dev.holdfast.cache.monitor;

/**
 * Something that became of an alert.
 *
 * @param kind what
 * @param alert the alert as it is then
 */
record Transition(Kind kind, Alert alert) {

    /** What may become of an alert. */
    enum Kind {
        /** It has begun. */
        FIRING("firing"),
        /** Its severity has changed. */
        CHANGED("firing"),
        /** It lasts, four hours after it was last spoken of. */
        REPEATED("firing"),
        /** It comes and goes, and is held open; nothing more is said until it has rested. */
        FLAPPING("flapping"),
        /** It is over. */
        RESOLVED("resolved");

        private final String status;

        Kind(String status) {
            this.status = status;
        }

        String status() {
            return status;
        }
    }
}
