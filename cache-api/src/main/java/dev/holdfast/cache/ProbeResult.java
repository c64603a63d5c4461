package dev.holdfast.cache;

import dev.holdfast.cache.spi.CacheStore;

/**
 * What a {@link CacheStore#probe probe} learnt from a store that answered.
 *
 * @param writable whether the canary could be written and read; {@code false} if this client's credentials do not allow
 *     it, so that the store was only pinged
 * @param wentBack whether the canary was missing or lower than this client had last seen acknowledged: the server lost
 *     writes (a restart from an older snapshot, a flush, an eviction). Reported by one probe, the first that sees it
 * @param followsAll whether a canary was acknowledged after everything that this client had changed when the probe began, on
 *     each server where it had: only then does a canary that is there at a restart prove that those changes are, too
 */
public record ProbeResult(boolean writable, boolean wentBack, boolean followsAll) {

    /** The usual result: writable, and nothing lost. */
    public static final ProbeResult OK = new ProbeResult(true, false);

    /**
     * Creates the result of a probe that writes a canary to the only server, if it may.
     *
     * @param writable whether the canary could be written and read
     * @param wentBack whether the canary was missing or lower than the last that was acknowledged
     */
    public ProbeResult(boolean writable, boolean wentBack) {
        this(writable, wentBack, writable);
    }
}
