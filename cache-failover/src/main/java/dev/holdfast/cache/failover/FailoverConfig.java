package dev.holdfast.cache.failover;

import java.time.Duration;
import java.util.function.Consumer;

/**
 * How a {@link FailoverStore} notices that a tier is gone, and when it goes back to it. Start from {@link #DEFAULT} and derive
 * with the withers. Immutable.
 */
public final class FailoverConfig {
    /** Ten seconds for a call, three failures in a row, five seconds of grace. */
    public static final FailoverConfig DEFAULT = new FailoverConfig(new Draft());

    /** Not changed any more. */
    private final Draft values;

    private FailoverConfig(Draft draft) {
        this.values = draft;
        Bounds.positive("failoverTimeout", draft.failoverTimeout);
        Bounds.atLeast("maxFailures", 1, draft.maxFailures);
        Bounds.atLeast("retries", 0, draft.retries);
        Bounds.positive("retryDelay", draft.retryDelay);
        Bounds.positive("healthCheckInterval", draft.healthCheckInterval);
        Bounds.positive("suspectAfter", draft.suspectAfter);
        Bounds.positive("slowCallThreshold", draft.slowCallThreshold);
        Bounds.notNegative("gracePeriod", draft.gracePeriod);
        Bounds.atLeast("probes", 1, draft.probes);
        Bounds.positive("unknownQuarantine", draft.unknownQuarantine);
        Bounds.atLeast("maxDirtyKeys", 1, draft.maxDirtyKeys);
        Bounds.atLeast("maxDirtyBytes", 1, draft.maxDirtyBytes);
    }

    private FailoverConfig with(Consumer<Draft> change) {
        Draft draft = new Draft(values);
        change.accept(draft);
        return new FailoverConfig(draft);
    }

    /**
     * Derives one with another {@code failoverTimeout}.
     *
     * @param value the most one call may take, every attempt and tier included ({@link dev.holdfast.cache.spi.CacheStore#removeByPrefix} has its own limit); positive
     * @return the derived config
     */
    public FailoverConfig withFailoverTimeout(Duration value) {
        return with(draft -> draft.failoverTimeout = value);
    }

    /**
     * Derives one with another {@code maxFailures}.
     *
     * @param value how many calls in a row must fail to open a tier; at least 1
     * @return the derived config
     */
    public FailoverConfig withMaxFailures(int value) {
        return with(draft -> draft.maxFailures = value);
    }

    /**
     * Derives one with another {@code retries}.
     *
     * @param value how many times a call that no tier can answer is tried again; not negative
     * @return the derived config
     */
    public FailoverConfig withRetries(int value) {
        return with(draft -> draft.retries = value);
    }

    /**
     * Derives one with another {@code retryDelay}.
     *
     * @param value the longest wait before the first of those, doubling for each further one; the actual wait is random; positive
     * @return the derived config
     */
    public FailoverConfig withRetryDelay(Duration value) {
        return with(draft -> draft.retryDelay = value);
    }

    /**
     * Derives one with another {@code healthCheckInterval}.
     *
     * @param value how long a tier may be without a call before it is probed, and the longest time between two probes of an open one; positive
     * @return the derived config
     */
    public FailoverConfig withHealthCheckInterval(Duration value) {
        return with(draft -> draft.healthCheckInterval = value);
    }

    /**
     * Derives one with another {@code suspectAfter}.
     *
     * @param value how long a call may be without an answer before its tier is probed, in steps of 50 ms; positive
     * @return the derived config
     */
    public FailoverConfig withSuspectAfter(Duration value) {
        return with(draft -> draft.suspectAfter = value);
    }

    /**
     * Derives one with another {@code slowCallThreshold}.
     *
     * @param value from which duration on a call is slow, measured to within 50 ms: a tier that answers 16 of its last 20 calls slowly is opened; positive
     * @return the derived config
     */
    public FailoverConfig withSlowCallThreshold(Duration value) {
        return with(draft -> draft.slowCallThreshold = value);
    }

    /**
     * Derives one with another {@code gracePeriod}.
     *
     * @param value how long an open tier must answer its probes before it serves again; not negative
     * @return the derived config
     */
    public FailoverConfig withGracePeriod(Duration value) {
        return with(draft -> draft.gracePeriod = value);
    }

    /**
     * Derives one with another {@code probes}.
     *
     * @param value how many probes in a row must succeed in that time; at least 1
     * @return the derived config
     */
    public FailoverConfig withProbes(int value) {
        return with(draft -> draft.probes = value);
    }

    /**
     * Derives one with another {@code unknownQuarantine}.
     *
     * @param value how long a key whose last command there has an unknown outcome is kept away from a tier, unless the connection was reset since and nothing buffers in between; positive
     * @return the derived config
     */
    public FailoverConfig withUnknownQuarantine(Duration value) {
        return with(draft -> draft.unknownQuarantine = value);
    }

    /**
     * Derives one with another {@code maxDirtyKeys}.
     *
     * @param value how many changed keys are remembered for each tier; beyond it only their cache's prefix is; at least 1
     * @return the derived config
     */
    public FailoverConfig withMaxDirtyKeys(int value) {
        return with(draft -> draft.maxDirtyKeys = value);
    }

    /**
     * Derives one with another {@code maxDirtyBytes}.
     *
     * @param value how many bytes that record may take for each tier, roughly; at least 1
     * @return the derived config
     */
    public FailoverConfig withMaxDirtyBytes(long value) {
        return with(draft -> draft.maxDirtyBytes = value);
    }

    /** Returns the most one call may take, every attempt and tier included ({@link dev.holdfast.cache.spi.CacheStore#removeByPrefix} has its own limit). */
    public Duration failoverTimeout() {
        return values.failoverTimeout;
    }

    /** Returns how many calls in a row must fail to open a tier. */
    public int maxFailures() {
        return values.maxFailures;
    }

    /** Returns how many times a call that no tier can answer is tried again. */
    public int retries() {
        return values.retries;
    }

    /** Returns the longest wait before the first of those, doubling for each further one. */
    public Duration retryDelay() {
        return values.retryDelay;
    }

    /** Returns how long a tier may be without a call before it is probed, and the longest time between two probes of an open one. */
    public Duration healthCheckInterval() {
        return values.healthCheckInterval;
    }

    /** Returns how long a call may be without an answer before its tier is probed, in steps of 50 ms. */
    public Duration suspectAfter() {
        return values.suspectAfter;
    }

    /** Returns from which duration on a call is slow, measured to within 50 ms: a tier that answers 16 of its last 20 calls slowly is opened. */
    public Duration slowCallThreshold() {
        return values.slowCallThreshold;
    }

    /** Returns how long an open tier must answer its probes before it serves again. */
    public Duration gracePeriod() {
        return values.gracePeriod;
    }

    /** Returns how many probes in a row must succeed in that time. */
    public int probes() {
        return values.probes;
    }

    /** Returns how long a key whose last command there has an unknown outcome is kept away from a tier, unless the connection was reset since and nothing buffers in between. */
    public Duration unknownQuarantine() {
        return values.unknownQuarantine;
    }

    /** Returns how many changed keys are remembered for each tier. */
    public int maxDirtyKeys() {
        return values.maxDirtyKeys;
    }

    /** Returns how many bytes that record may take for each tier, roughly. */
    public long maxDirtyBytes() {
        return values.maxDirtyBytes;
    }

    @Override
    public String toString() {
        return "FailoverConfig["
                + "failoverTimeout=" + values.failoverTimeout
                + ", maxFailures=" + values.maxFailures
                + ", retries=" + values.retries
                + ", retryDelay=" + values.retryDelay
                + ", healthCheckInterval=" + values.healthCheckInterval
                + ", suspectAfter=" + values.suspectAfter
                + ", slowCallThreshold=" + values.slowCallThreshold
                + ", gracePeriod=" + values.gracePeriod
                + ", probes=" + values.probes
                + ", unknownQuarantine=" + values.unknownQuarantine
                + ", maxDirtyKeys=" + values.maxDirtyKeys
                + ", maxDirtyBytes=" + values.maxDirtyBytes
                + ']';
    }

    /** The fields, open to change, between one config and the next. */
    private static final class Draft {
        private Duration failoverTimeout = Duration.ofSeconds(10);
        private int maxFailures = 3;
        private int retries = 3;
        private Duration retryDelay = Duration.ofSeconds(1);
        private Duration healthCheckInterval = Duration.ofSeconds(30);
        private Duration suspectAfter = Duration.ofMillis(200);
        private Duration slowCallThreshold = Duration.ofSeconds(1);
        private Duration gracePeriod = Duration.ofSeconds(5);
        private int probes = 3;
        private Duration unknownQuarantine = Duration.ofSeconds(30);
        private int maxDirtyKeys = 100_000;
        private long maxDirtyBytes = 32L << 20;

        Draft() {}

        Draft(Draft from) {
            this.failoverTimeout = from.failoverTimeout;
            this.maxFailures = from.maxFailures;
            this.retries = from.retries;
            this.retryDelay = from.retryDelay;
            this.healthCheckInterval = from.healthCheckInterval;
            this.suspectAfter = from.suspectAfter;
            this.slowCallThreshold = from.slowCallThreshold;
            this.gracePeriod = from.gracePeriod;
            this.probes = from.probes;
            this.unknownQuarantine = from.unknownQuarantine;
            this.maxDirtyKeys = from.maxDirtyKeys;
            this.maxDirtyBytes = from.maxDirtyBytes;
        }
    }
}
