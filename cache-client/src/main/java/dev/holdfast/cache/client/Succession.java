package dev.holdfast.cache.client;

/** What becomes of a load that one caller leaves. */
enum Succession {
    /** Others wait, and it runs or one of them runs it. */
    GOES_ON,
    /** Nobody waits: it is over. */
    OVER,
    /** Nobody runs it, but it must go on in the background, for {@link Flight#next()} if anybody waits. */
    ASIDE
}
