package dev.holdfast.cache;

/**
 * What a {@link CacheStore#probe probe} learnt from a store that answered.
 *
 * @param writable whether the canary could be written and read; {@code false} if this client's credentials do not allow
 *     it, so that the store was only pinged
 * @param wentBack whether the canary was missing or lower than this client had last seen acknowledged: the server lost
 *     writes (a restart from an older snapshot, a flush, an eviction). Reported by one probe, the first that sees it
 */
public record ProbeResult(boolean writable, boolean wentBack) {

    /** The usual result: writable, and nothing lost. */
    public static final ProbeResult OK = new ProbeResult(true, false);
}
