package dev.holdfast.cache.failover;

/** A rule of agreements that is broken, for a model to find. */
enum AgreementBug {
    NONE(0),
    /** An entry below the first server may have any age. */
    NO_LIMIT_BELOW(0),
    /** Nobody asks whether a member is missing. */
    MISSING_IGNORED(0),
    /** A member that owes the server something says that it is clean. */
    CLEAN_IGNORED(0),
    /** A member that was never clean is not on the roll. */
    ENROLLED_WHEN_CLEAN(0),
    /** What was once heard is believed until something else is. */
    KNOWLEDGE_WITHOUT_EXPIRY(5_500),
    /** A beat is as old as the server takes it for. */
    DATED_BY_SERVER(1_500),
    /** Who is struck off may have removed something, and nobody cares. */
    NO_FLOOR(0),
    /** A floor is the moment at which all was removed, by the clock of who did so. */
    FLOOR_BY_OWN_CLOCK(2_500),
    /** Who is behind tells no floors. */
    FLOORS_OF_CLEAN_ONLY(0),
    /** Floors are compared with the server's only where its version says that it went back. */
    FLOORS_BY_VERSION(0),
    /** Who has not heard yet what time it is says by its own clock when something was made. */
    DATED_BEFORE_HEARD(0);

    private final int firstHistory;

    AgreementBug(int firstHistory) {
        this.firstHistory = firstHistory;
    }

    /** From which history on it is looked for. */
    int firstHistory() {
        return firstHistory;
    }
}
